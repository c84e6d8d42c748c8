"""OAuth 2.0 with Clio: where a person says yes, and the codes and tokens that follow.

Clio takes client id and secret in the body, has no scope parameter, and as a rule returns no new refresh token with a
refreshed access token. Source: Clio API, authorization; RFC 6749.
"""

import datetime
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from core.clio.answers import error_of, error_type, read_json
from core.clio.regions import REGION_NAMES, base_url
from core.db.engine import Database
from core.errors import (
    ClioError,
    ClioGrantDead,
    ClioInvalidRequest,
    ClioUnavailable,
    ClioUnexpectedAnswer,
    OAuthStateInvalid,
)
from core.settings import Region, Settings

STATE_LIFE_S = 600


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What the token endpoint gave. `refresh_token` is None when Clio sent none: keep the old one."""

    access_token: str
    refresh_token: str | None
    expires_at: datetime.datetime


def redirect_uri(settings: Settings) -> str:
    """Return the address Clio sends the browser back to; it must be registered there, letter for letter."""
    return f"{settings.public_base}/oauth/clio/callback"


async def begin(settings: Settings, database: Database, region: Region) -> str:
    """Return the address at which a person grants access; its state is good for one callback within ten minutes."""
    state = secrets.token_urlsafe(32)
    await database.pool.execute(
        """WITH old AS (DELETE FROM oauth_state WHERE created_at < now() - interval '1 day')
           INSERT INTO oauth_state (state, region) VALUES ($1, $2)""",
        _digest(state),
        region,
    )
    query = urlencode(
        {
            "response_type": "code",
            "client_id": settings.clio_client_id,
            "redirect_uri": redirect_uri(settings),
            "state": state,
            "redirect_on_decline": "true",
        }
    )
    return f"{base_url(settings, region)}/oauth/authorize?{query}"


async def use_state(database: Database, state: str) -> Region:
    """Use a state up, and return the region it was made for.

    Raises:
        OAuthStateInvalid: it is unknown, was used already, or is older than ten minutes.
    """
    row = await database.pool.fetchrow(
        """DELETE FROM oauth_state WHERE state = $1
           RETURNING region, created_at > now() - make_interval(secs => $2) AS fresh""",
        _digest(state),
        STATE_LIFE_S,
    )
    if row is None or not row["fresh"]:
        raise OAuthStateInvalid(
            "this authorization is unknown, was used already or is older than ten minutes: start again with connectFirm"
        )
    return REGION_NAMES[row["region"]]


async def exchange(settings: Settings, http: httpx.AsyncClient, region: Region, code: str) -> Grant:
    """Exchange an authorization code.

    Raises:
        ClioInvalidRequest: Clio refused the code, or the application; a wrong region looks like a wrong secret.
        ClioUnavailable: Clio did not answer.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri(settings)}
    grant = await _token(settings, http, region, form)
    if grant.refresh_token is None:
        raise ClioUnexpectedAnswer("clio sent no refresh token for the authorization code: authorize again")
    return grant


async def refresh(settings: Settings, http: httpx.AsyncClient, region: Region, refresh_token: str) -> Grant:
    """Ask for a new access token.

    Raises:
        ClioGrantDead: the refresh token is revoked.
        ClioInvalidRequest: the application itself is refused.
        ClioRateLimited: Clio wants to be left alone for a while.
        ClioUnavailable: Clio did not answer; nothing is known of the grant.
    """
    try:
        return await _token(settings, http, region, {"grant_type": "refresh_token", "refresh_token": refresh_token})
    except ClioInvalidRequest as error:
        if error.error_type != "invalid_grant":
            raise
        raise ClioGrantDead("the firm's grant at Clio was revoked: connect the firm again", status=400) from error


async def deauthorize(settings: Settings, http: httpx.AsyncClient, region: Region, access_token: str) -> None:
    """Give the grant back.

    Raises:
        ClioUnavailable: Clio did not take it; the grant lives on there.
        ClioError: Clio refused it, for it does not know the token any more.
    """
    try:
        response = await http.post(
            f"{base_url(settings, region)}/oauth/deauthorize",
            data={"token": access_token},
            headers={"Authorization": f"Bearer {access_token}"},
        )
    except httpx.HTTPError as error:
        raise ClioUnavailable(f"clio did not answer the deauthorization ({type(error).__name__})") from error
    status = response.status_code
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        raise ClioUnavailable(f"clio answered {status} to the deauthorization", status=status)
    if not response.is_success:
        raise ClioError(f"clio answered {status} to the deauthorization", status=status)


async def _token(settings: Settings, http: httpx.AsyncClient, region: Region, form: dict[str, str]) -> Grant:
    secret = settings.clio_client_secret.get_secret_value()
    asked_at = datetime.datetime.now(datetime.UTC)
    try:
        response = await http.post(
            f"{base_url(settings, region)}/oauth/token",
            data={**form, "client_id": settings.clio_client_id, "client_secret": secret},
        )
    except httpx.HTTPError as error:
        raise ClioUnavailable(f"clio's token endpoint did not answer ({type(error).__name__})") from error
    if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise ClioUnavailable(f"clio's token endpoint answered {response.status_code}", status=response.status_code)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise error_of(response, "the token endpoint")
    body = read_json(response)
    if not response.is_success:
        raise _refusal(response.status_code, error_type(body), region)
    return _grant(body, asked_at)


def _refusal(status: int, kind: str, region: Region) -> ClioInvalidRequest:
    if kind == "invalid_client":
        text = (
            f"clio ({region}) does not know the application (invalid_client): check CLIO_CLIENT_ID and "
            "CLIO_CLIENT_SECRET, and that the application is registered in this very region"
        )
    else:
        text = f"clio refused the authorization ({kind}): start again with connectFirm"
    return ClioInvalidRequest(text, status=status, error_type=kind)


def _grant(body: object, asked_at: datetime.datetime) -> Grant:
    if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        raise ClioUnexpectedAnswer("clio's token endpoint answered without an access token")
    lifetime, new = body.get("expires_in"), body.get("refresh_token")
    if not isinstance(lifetime, int):
        raise ClioUnexpectedAnswer("clio's token endpoint does not say when the access token expires")
    return Grant(
        access_token=body["access_token"],
        refresh_token=new if isinstance(new, str) else None,
        expires_at=asked_at + datetime.timedelta(seconds=lifetime),
    )


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
