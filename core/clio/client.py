"""Requests to Clio's API for one firm: budgeted, retried where that is safe, and typed when they fail."""

import asyncio
import datetime
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import stamina

from core.clio.answers import data_of, error_of
from core.clio.budget import Priority
from core.clio.regions import pinned_url
from core.errors import ClioRateLimited, ClioUnauthorized, ClioUnavailable, ClioUnexpectedAnswer
from core.logging import get_logger
from core.resource import ClioEndpoint

if TYPE_CHECKING:
    from core.clio.account import ClioAccounts

log = get_logger(__name__)

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent again after a lost answer: without an idempotency key, a second POST is a second record."""

TRIES = 4
PATIENCE_S = {Priority.INTERACTIVE: 5.0, Priority.WEBHOOK: 65.0, Priority.SYNC: 130.0}
"""Longest wait for the budget; a window lasts 60 seconds."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list. `total` is meta.records where Clio tells it; `requested_at` is before the request was sent."""

    records: list[dict[str, Any]]
    next_url: str | None
    total: int | None
    requested_at: datetime.datetime


class ClioClient:
    """One firm's Clio. Cheap to make: tokens, budget and connections are the accounts'."""

    def __init__(self, accounts: "ClioAccounts", firm: int) -> None:
        self._accounts = accounts
        self.firm = firm

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        priority: Priority,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the envelope of its answer. Costs one request of the budget for each try.

        Network faults, time-outs and 5xx are tried again, four times in all, for methods that may be repeated. A token
        that Clio refuses is refreshed once.

        Raises:
            ClioError: one of its subclasses for each failure; see core.errors.
        """
        tries = TRIES if method in IDEMPOTENT else 1
        async for attempt in stamina.retry_context(
            on=ClioUnavailable, attempts=tries, timeout=None, wait_initial=0.2, wait_max=5.0, wait_jitter=0.5
        ):
            with attempt:
                return await self._try(method, path_or_url, priority, params=params, json=json, headers=headers or {})
        raise ClioUnavailable(f"clio did not answer {method} {_name(path_or_url)}")

    async def record(
        self, endpoint: ClioEndpoint, clio_id: int, *, priority: Priority = Priority.WEBHOOK
    ) -> dict[str, Any]:
        """Read one record with the endpoint's fields. One request.

        Raises:
            ClioNotFound: it is gone, or hidden from the connected user.
        """
        answer = await self.request(
            "GET", f"{endpoint.path}/{clio_id}.json", priority=priority, params={"fields": endpoint.fields}
        )
        if not isinstance(answer.get("data"), dict):
            raise ClioUnexpectedAnswer(f"clio's answer to GET {endpoint.path} is no record")
        record: dict[str, Any] = answer["data"]
        return record

    async def pages(
        self,
        endpoint: ClioEndpoint,
        *,
        next_url: str | None = None,
        since_at: datetime.datetime | None = None,
        priority: Priority,
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of a list in order of id, from the first or `next_url`, each while the next is under way.

        Close the generator to stop early: the page under way is then cancelled. One request per page of at most
        `endpoint.page_limit` records. Source: Clio API, cursor paging.
        """
        params = {} if next_url else first_page(endpoint, since_at)
        coming: asyncio.Task[Page] | None = asyncio.create_task(
            self._page(next_url or f"{endpoint.path}.json", params, priority)
        )
        try:
            while coming is not None:
                page = await coming
                coming = asyncio.create_task(self._page(page.next_url, {}, priority)) if page.next_url else None
                yield page
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def who_am_i(self) -> dict[str, Any]:
        """Return the connected user with its account; needs no permission. One request."""
        answer = await self.request(
            "GET", "users/who_am_i.json", priority=Priority.INTERACTIVE, params={"fields": "id,name,account{id,name}"}
        )
        user: dict[str, Any] = answer["data"]
        return user

    async def _page(self, path_or_url: str, params: Mapping[str, str], priority: Priority) -> Page:
        requested_at = datetime.datetime.now(datetime.UTC)
        answer = await self.request("GET", path_or_url, priority=priority, params=params)
        records, meta = answer.get("data"), answer.get("meta") or {}
        if not isinstance(records, list) or not isinstance(meta, dict):
            raise ClioUnexpectedAnswer(f"clio's answer to GET {_name(path_or_url)} is no list")
        total = meta.get("records")
        return Page(
            records=records,
            next_url=(meta.get("paging") or {}).get("next"),
            total=total if isinstance(total, int) else None,
            requested_at=requested_at,
        )

    async def _try(
        self,
        method: str,
        path_or_url: str,
        priority: Priority,
        *,
        params: Mapping[str, str] | None,
        json: Any,
        headers: Mapping[str, str],
    ) -> dict[str, Any]:
        """Send once; when Clio refuses the token, refresh it and send once more."""
        token = await self._accounts.access(self.firm)
        for last in (False, True):
            url = pinned_url(token.base_url, path_or_url)
            sent = {**headers, "Authorization": f"Bearer {token.access_token}"}
            try:
                return await self._send(method, url, priority, params=params or None, json=json, headers=sent)
            except ClioUnauthorized:
                if last:
                    raise
                token = await self._accounts.renew(self.firm, refused_version=token.version)
        raise ClioUnauthorized(f"clio does not accept the token of firm {self.firm}", status=401)

    async def _send(self, method: str, url: str, priority: Priority, **request: Any) -> dict[str, Any]:
        what = f"{method} {_name(url)}"
        request["headers"]["X-API-VERSION"] = self._accounts.settings.clio_api_version
        budget = self._accounts.budget
        async with budget.slot(self.firm, priority, patience_s=PATIENCE_S[priority]) as slot:
            try:
                response = await self._accounts.http.request(method, url, follow_redirects=False, **request)
            except httpx.HTTPError as error:
                raise ClioUnavailable(f"clio did not answer {what} ({type(error).__name__})") from error
            slot.observe(response.headers)
        try:
            if not response.is_success:
                raise error_of(response, what)
            return data_of(response, what)
        except ClioRateLimited as error:
            log.warning("clio_rate_limited", firm=self.firm, request=what, retry_after_s=error.retry_after_s)
            await budget.block(self.firm, error.retry_after_s)
            raise


def first_page(endpoint: ClioEndpoint, since_at: datetime.datetime | None) -> dict[str, str]:
    """Return the parameters of a list's first page, for cursor paging."""
    params = {
        **endpoint.params,
        "fields": endpoint.fields,
        "order": "id(asc)",
        "limit": str(endpoint.page_limit),
    }
    if since_at is not None:
        params["updated_since"] = since_at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return params


def _name(path_or_url: str) -> str:
    """What a request is about, without ids and parameters."""
    path = httpx.URL(path_or_url).path.removeprefix("/api/v4/")
    return "/".join("…" if part.removesuffix(".json").isdigit() else part for part in path.split("/"))
