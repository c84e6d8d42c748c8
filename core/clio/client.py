"""Requests to Clio's API for one firm: budgeted, retried where that is safe, and typed when they fail."""

import asyncio
import dataclasses
import datetime
import functools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpx
import stamina

from core.clio import peak
from core.clio.access import AccessKeeper
from core.clio.answers import envelope_of, location_of, next_url_of, record_of
from core.clio.budget import Slot
from core.clio.paging import Onwards, Page
from core.clio.priority import RUNS, Priority
from core.clio.regions import pinned_url
from core.clio.usage import Usage
from core.errors import ClioRateLimited, ClioUnauthorized, ClioUnavailable, ClioUnexpectedAnswer
from core.logging import get_logger
from core.resource import ClioEndpoint
from core.settings import Region

log = get_logger(__name__)

T = TypeVar("T")

Read: TypeAlias = Callable[[httpx.Response, str], T]
"""Takes an answer and the name of its request; returns what is wanted of it, or raises one of the typed errors."""

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
"""Methods that may be sent again after a lost answer: without an idempotency key, a second POST is a second record."""

Params: TypeAlias = Mapping[str, str | Sequence[str]]
"""Parameters of a request; a sequence repeats its name."""

Prepare: TypeAlias = Callable[[list[dict[str, Any]]], Awaitable[Any]]
"""Makes of the records of a page what its reader wants; without I/O."""

READ_ALREADY = httpx.ByteStream(b"")
"""Takes the place of a stream that was read: httpx's own leads back to its answer, so that the whole page would stay in
memory until the garbage collector comes by."""

TRIES = 4
PATIENCE_S = {Priority.INTERACTIVE: 5.0, Priority.WEBHOOK: 65.0} | dict.fromkeys(RUNS, 130.0)
"""Longest wait for the budget; a window lasts 60 seconds."""


class ClioClient:
    """One firm's Clio. Cheap to make: tokens, budget and connections are the accounts'.

    `usage` counts what this client sends. `prepare` is called with the records of each page of a list as soon as it has
    come, which is while the page before is still being written; what it raises is raised where the page is asked for.
    """

    def __init__(
        self, accounts: AccessKeeper, firm: int, usage: Usage | None = None, *, prepare: Prepare | None = None
    ) -> None:
        self._accounts = accounts
        self._prepare = prepare
        self.firm = firm
        self.usage = usage or Usage()

    @property
    def ahead(self) -> datetime.timedelta:
        """How far Clio's clock is ahead of ours, by its latest answer to this firm; negative where it is behind."""
        return self._accounts.clock.ahead(self.firm)

    def now(self) -> datetime.datetime:
        """Return the present by Clio's clock."""
        return datetime.datetime.now(datetime.UTC) + self.ahead

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        priority: Priority,
        params: Params | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        patience_s: float | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the envelope of its answer. Costs one request of the budget for each try.

        `patience_s` is the longest wait for the budget, for each try; `PATIENCE_S` of the priority unless given.

        Network faults, time-outs and 5xx are tried again, four times in all, for methods that may be repeated. A token
        that Clio refuses is refreshed once.

        Raises:
            ClioError: one of its subclasses for each failure; see core.errors.
        """
        sent = {"params": params, "json": json, "headers": headers or {}}
        return await self._ask(method, path_or_url, envelope_of, priority, patience_s, **sent)

    async def location(
        self, path: str, *, priority: Priority, params: Mapping[str, str] | None = None, patience_s: float | None = None
    ) -> str:
        """Return where Clio sends a GET that it answers with 303, such as a download; nothing is read from there.

        The address opens a file to whoever has it: never log or keep it. Cost, waits and errors are those of `request`.

        Raises:
            ClioUnexpectedAnswer: Clio sends nowhere, or to an address that is not `https`.
        """
        return await self._ask("GET", path, location_of, priority, patience_s, params=params, json=None, headers={})

    async def _ask(
        self,
        method: str,
        path_or_url: str,
        read: Read[T],
        priority: Priority,
        patience_s: float | None,
        **request: Any,
    ) -> T:
        """Send a request, again where that is safe and may help; return what `read` makes of the answer."""
        patience_s = PATIENCE_S[priority] if patience_s is None else patience_s
        one_try = functools.partial(self._try, method, path_or_url, read, priority, patience_s, **request)
        if method not in IDEMPOTENT:
            return await one_try()
        async for attempt in stamina.retry_context(
            on=ClioUnavailable, attempts=TRIES, timeout=None, wait_initial=0.2, wait_max=5.0, wait_jitter=0.5
        ):
            with attempt:
                return await one_try()
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
        return record_of(answer, f"GET {endpoint.path}")

    async def pages(
        self,
        endpoint: ClioEndpoint,
        *,
        next_url: str | None = None,
        since_at: datetime.datetime | None = None,
        priority: Priority,
    ) -> AsyncGenerator[Page, None]:
        """Yield the pages of a list in order of id, from the first or `next_url`, read ahead of who takes them.

        Close the generator to stop early: what is read ahead is then given up. One request per page of at most
        `endpoint.page_limit` records. Source: Clio API, cursor paging.

        Raises:
            ClioUnexpectedAnswer: a page leads back to one that was read, or to another host.
        """
        first = await self.list_page(endpoint, next_url=next_url, since_at=since_at, priority=priority)
        async with aclosing(self.onwards(first, priority=priority)) as pages:
            async for page in pages:
                yield page

    async def list_page(
        self,
        endpoint: ClioEndpoint,
        *,
        next_url: str | None = None,
        since_at: datetime.datetime | None = None,
        offset: int | None = None,
        priority: Priority,
    ) -> Page:
        """Read one page of a list in order of id: its first, the one at `next_url`, or the one at an offset.

        One request.

        Raises:
            ClioInvalidRequest: 422, where the page would end beyond the 10,000 records that offsets reach.
        """
        if next_url is not None:
            return await self._page(next_url, {}, priority)
        at = {} if offset is None else {"offset": str(offset)}
        return await self._page(f"{endpoint.path}.json", {**first_page(endpoint, since_at), **at}, priority)

    async def onwards(self, page: Page, *, priority: Priority) -> AsyncGenerator[Page, None]:
        """Yield a page that has been read, and those that follow it, at most `PAGES_AHEAD` of them read ahead."""

        async def fetch(url: str) -> Page:
            return await self._list(url, {}, priority)

        async with aclosing(Onwards(fetch, self._made_ready).pages(page)) as pages:
            async for each in pages:
                yield each

    async def highest_id(
        self, endpoint: ClioEndpoint, *, since_at: datetime.datetime | None, priority: Priority
    ) -> int | None:
        """Return the last id of a list, found from its other end; None where it is empty. One request."""
        params = {**first_page(endpoint, since_at, fields="id"), "order": "id(desc)", "limit": "1"}
        page = await self._page(f"{endpoint.path}.json", params, priority)
        ids = [record.get("id") for record in page.records]
        return max((each for each in ids if isinstance(each, int)), default=None)

    async def records(self, endpoint: ClioEndpoint, clio_ids: Sequence[int], *, priority: Priority) -> Page:
        """Read records by their ids, at most `endpoint.page_limit`; those Clio does not list are left out. One request.

        Clio ignores a parameter that it does not know, so what comes back may hold others.
        """
        wanted = {"ids[]": [str(clio_id) for clio_id in clio_ids]}
        return await self._page(f"{endpoint.path}.json", {**first_page(endpoint, None), **wanted}, priority)

    async def page(self, endpoint: ClioEndpoint, path_or_url: str, *, priority: Priority) -> Page:
        """Read one page: the first of a list by its path, or any other by the URL that the page before it gave.

        Raises:
            ClioNotFound: the record under which the list is kept is gone.
        """
        params = {} if "://" in path_or_url else {**endpoint.params, "fields": endpoint.fields}
        return await self._page(path_or_url, params, priority)

    async def who_am_i(self) -> dict[str, Any]:
        """Return the connected user with its account; needs no permission. One request."""
        answer = await self.request(
            "GET", "users/who_am_i.json", priority=Priority.INTERACTIVE, params={"fields": "id,name,account{id,name}"}
        )
        return record_of(answer, "GET users/who_am_i")

    async def rights(self, *, priority: Priority) -> dict[str, Any]:
        """Return what Clio tells of the connected user's rights, roles in order of the alphabet. One request."""
        fields = ("enabled", "account_owner", "roles", "subscription_type")
        answer = await self.request(
            "GET", "users/who_am_i.json", priority=priority, params={"fields": ",".join(("id", *fields))}
        )
        user = record_of(answer, "GET users/who_am_i")
        return {**{name: user.get(name) for name in fields}, "roles": sorted(user.get("roles") or [])}

    async def _page(self, path_or_url: str, params: Params, priority: Priority) -> Page:
        return await self._made_ready(await self._list(path_or_url, params, priority))

    async def _list(self, path_or_url: str, params: Params, priority: Priority) -> Page:
        requested_at = datetime.datetime.now(datetime.UTC)
        answer = await self.request("GET", path_or_url, priority=priority, params=params)
        records, next_url, meta = answer.get("data"), next_url_of(answer), answer.get("meta")
        if not isinstance(records, list) or next_url == path_or_url:
            raise ClioUnexpectedAnswer(f"clio's answer to GET {_name(path_or_url)} is no list, or has no end")
        total = meta.get("records") if isinstance(meta, dict) else None
        return Page(
            records=records,
            next_url=next_url,
            total=total if isinstance(total, int) else None,
            requested_at=requested_at,
        )

    async def _made_ready(self, page: Page) -> Page:
        if self._prepare is None:
            return page
        return dataclasses.replace(page, prepared=await self._prepare(page.records))

    async def _try(
        self,
        method: str,
        path_or_url: str,
        read: Read[T],
        priority: Priority,
        patience_s: float,
        *,
        params: Params | None,
        json: Any,
        headers: Mapping[str, str],
    ) -> T:
        """Send once; when Clio refuses the token, refresh it and send once more."""
        token = await self._accounts.access(self.firm)
        for last in (False, True):
            url = pinned_url(token.base_url, path_or_url)
            sent = {**headers, "Authorization": f"Bearer {token.access_token}"}
            try:
                granting = self._accounts.budget.slot(
                    self.firm, priority, patience_s=patience_s, believed_for=self._believed_for(token.region)
                )
                return await self._send(granting, method, url, read, params=params or None, json=json, headers=sent)
            except ClioUnauthorized:
                if last:
                    raise
                token = await self._accounts.renew(self.firm, refused_version=token.version)
        raise ClioUnauthorized(f"clio does not accept the token of firm {self.firm}", status=401)

    def _believed_for(self, region: Region) -> datetime.timedelta | None:
        return peak.believed_for(region, datetime.datetime.now(datetime.UTC) + self.ahead)

    async def _send(
        self, granting: AbstractAsyncContextManager[Slot], method: str, url: str, read: Read[T], **request: Any
    ) -> T:
        what = f"{method} {_name(url)}"
        request["headers"]["X-API-VERSION"] = self._accounts.settings.clio_api_version
        async with granting as slot:
            response = await self._exchange(slot, what, method, url, **request)
        try:
            return read(response, what)
        except ClioRateLimited as error:
            log.warning("clio_rate_limited", firm=self.firm, request=what, retry_after_s=error.retry_after_s)
            await self._accounts.budget.block(self.firm, error.retry_after_s)
            raise

    async def _exchange(self, slot: Slot, what: str, method: str, url: str, **request: Any) -> httpx.Response:
        """Send, and read the whole answer before one deadline: httpx's limits begin anew with each chunk."""
        slot.sent()
        self.usage.sent()
        began_at = time.monotonic()
        try:
            async with asyncio.timeout(self._accounts.settings.request_timeout_s):
                response = await self._accounts.http.request(method, url, follow_redirects=False, **request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            slot.unsent()
            self.usage.unsent()
            raise ClioUnavailable(f"clio cannot be reached for {what} ({type(error).__name__})") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ClioUnavailable(f"clio did not answer {what} ({type(error).__name__})") from error
        response.stream = READ_ALREADY
        self.usage.answered(time.monotonic() - began_at)
        slot.observe(response.headers)
        self._accounts.clock.observe(self.firm, response.headers)
        return response


def first_page(endpoint: ClioEndpoint, since_at: datetime.datetime | None, fields: str | None = None) -> dict[str, str]:
    """Return the parameters of a list's first page, for cursor paging; `fields` are the endpoint's unless given."""
    params = {
        **endpoint.params,
        "fields": fields or endpoint.fields,
        "order": "id(asc)",
        "limit": str(endpoint.page_limit),
    }
    if since_at is not None:
        params["updated_since"] = since_at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return params


def _name(path_or_url: str) -> str:
    """What a request is about, without ids and parameters."""
    path = urlsplit(path_or_url).path.removeprefix("/api/v4/")
    return "/".join("…" if part.removesuffix(".json").isdigit() else part for part in path.split("/"))
