"""What Clio's answers mean: data, or one typed error for each kind of failure.

Bodies may be JSON of the documented shape, JSON with `error` as a string (the bearer challenge), HTML or empty.
No error message holds more of a body than Clio's own error type. Source: Clio API, errors.
"""

import base64
import binascii
import re
from typing import Any

import httpx
import msgspec

from core.errors import (
    ClioError,
    ClioForbidden,
    ClioInvalidRequest,
    ClioNotFound,
    ClioRateLimited,
    ClioUnauthorized,
    ClioUnavailable,
    ClioUnexpectedAnswer,
)

DEFAULT_RETRY_AFTER_S = 30.0
LONGEST_RETRY_AFTER_S = 300.0

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_ERROR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")


def read_json(response: httpx.Response) -> Any:
    """Return the decoded body; None where it is empty or not JSON."""
    try:
        return msgspec.json.decode(response.content) if response.content else None
    except msgspec.DecodeError:
        return None


def error_type(body: Any) -> str:
    """Return Clio's name for an error, from either shape; `unknown` where nothing looks like a name."""
    error = body.get("error") if isinstance(body, dict) else None
    named = error.get("type") if isinstance(error, dict) else error
    return named if isinstance(named, str) and _ERROR_NAME.fullmatch(named) else "unknown"


def retry_after_s(response: httpx.Response) -> float:
    """Return the seconds of `Retry-After`, five minutes at most, or a careful guess."""
    text = response.headers.get("retry-after", "")
    return min(float(text), LONGEST_RETRY_AFTER_S) if text.isdecimal() else DEFAULT_RETRY_AFTER_S


def error_of(response: httpx.Response, what: str) -> ClioError:
    """Return the typed error of an answer that is no success; `what` names the request, such as `GET contacts`."""
    status, kind = response.status_code, error_type(read_json(response))
    match status:
        case _ if status < httpx.codes.BAD_REQUEST:
            text = f"clio sends {what} elsewhere ({status}): not followed, so that the token stays with the region"
            return ClioUnexpectedAnswer(text, status=status)
        case 401:
            return ClioUnauthorized(f"clio does not accept the token for {what} ({kind})", status=status)
        case 403:
            text = f"clio forbids {what} ({kind}): give the application, and the user who connected, that permission"
            return ClioForbidden(text, status=status)
        case 404:
            return ClioNotFound(
                f"clio has no such record for {what}, or hides it from the connected user", status=status
            )
        case 429:
            wait_s = retry_after_s(response)
            return ClioRateLimited(f"clio limits {what}: retry in {wait_s:.0f} s", retry_after_s=wait_s)
        case _ if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return ClioUnavailable(f"clio answered {status} to {what}: it is tried again", status=status)
        case _:
            text = f"clio refused {what} with {status} ({kind}): the request itself must change"
            return ClioInvalidRequest(text, status=status, error_type=kind)


def envelope_of(response: httpx.Response, what: str) -> dict[str, Any]:
    """Return the envelope of an answer.

    Raises:
        ClioError: the answer is no success, or none that can be read; see `error_of` and `data_of`.
    """
    if not response.is_success:
        raise error_of(response, what)
    return data_of(response, what)


def location_of(response: httpx.Response, what: str) -> str:
    """Return where a 303 leads: an `https` address, or one on loopback where Clio itself is asked over plain HTTP.

    Raises:
        ClioError: the answer is no 303, or leads to another kind of address; no message tells where: it opens a file.
    """
    if response.status_code != httpx.codes.SEE_OTHER:
        if response.is_success:
            data_of(response, what)  # which tells a rate limit on a 200
            raise ClioUnexpectedAnswer(f"clio's answer to {what} leads nowhere", status=response.status_code)
        raise error_of(response, what)
    text = response.headers.get("location", "")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    plain = url.scheme == "http" and url.host in LOOPBACK and response.request.url.scheme == "http"
    if not url.host or (url.scheme != "https" and not plain):
        raise ClioUnexpectedAnswer(f"clio sends {what} to an address that is not https: not passed on", status=303)
    return str(text)


def data_of(response: httpx.Response, what: str) -> dict[str, Any]:
    """Return the whole envelope of a success, which has `data`; an empty dictionary for an empty body, as of 204.

    Raises:
        ClioRateLimited: the rare success that wraps a rate limit in base64.
        ClioUnexpectedAnswer: a success that is not JSON, or has no `data`.
    """
    if not response.content:
        return {}
    body = read_json(response)
    if not isinstance(body, dict) or "data" not in body:
        raise ClioUnexpectedAnswer(f"clio's answer to {what} has no data", status=response.status_code)
    if isinstance(body["data"], str):
        if _wraps_rate_limit(body["data"]):
            raise ClioRateLimited(f"clio limits {what}", retry_after_s=retry_after_s(response))
        raise ClioUnexpectedAnswer(f"clio's answer to {what} is text", status=response.status_code)
    return body


def record_of(envelope: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the one record in an envelope.

    Raises:
        ClioUnexpectedAnswer: there is none.
    """
    record = envelope.get("data")
    if not isinstance(record, dict):
        raise ClioUnexpectedAnswer(f"clio's answer to {what} is no record")
    return record


def next_url_of(envelope: dict[str, Any]) -> str | None:
    """Return the address of the next page, None on the last one. Source: Clio API, paging."""
    meta = envelope.get("meta")
    paging = meta.get("paging") if isinstance(meta, dict) else None
    following = paging.get("next") if isinstance(paging, dict) else None
    return following if isinstance(following, str) and following else None


def _wraps_rate_limit(text: str) -> bool:
    try:
        return b"RateLimited" in base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
