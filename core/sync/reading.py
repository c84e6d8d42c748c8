"""Reading what a run is about: which pages, in which way, from where the run stands to a proven end."""

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.clio.budget import DEFAULT_LIMIT
from core.clio.client import ClioClient, first_page
from core.clio.paging import Page
from core.clio.priority import Priority
from core.errors import ListCutShort
from core.logging import get_logger
from core.mirror.writer import check_records
from core.resource import Resource
from core.sync import runs
from core.sync.pages import of_parents, of_variants
from core.sync.planner import Pace, Plan, plan_list
from core.sync.runs import Run
from core.sync.windows import OffsetsEnd, ids_of, read_windows

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


class Reading:
    """One worker's turn at reading a run: pages with their batch prepared, most while the one before is written.

    `read_to` is the highest id of the pages so far. `begin_again` takes the run back to before its first page.
    """

    def __init__(
        self,
        services: "Services",
        run: Run,
        resource: Resource,
        *,
        owner: str,
        begin_again: Callable[[], Awaitable[None]],
    ) -> None:
        self._services = services
        self._run = run
        self._resource = resource
        self._owner = owner
        self._begin_again = begin_again
        self._client: ClioClient = services.accounts.client(run.firm, run.usage)
        prepare = partial(check_records, resource)
        self._preparing = services.accounts.client(run.firm, run.usage, prepare=prepare)
        self._priority = Priority(run.kind)
        self._seen = run.records_seen
        self._total = run.records_total
        self._allowed_per_minute: int | None = None
        self.read_to = run.read_to

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield the pages of the run, from the first or from its checkpoint; close the generator to stop early.

        One request per page; below parents, besides, one statement to find the next.
        """
        if self._run.is_read:
            return
        async with aclosing(self._source()) as pages:
            async for page in pages:
                self._seen += len(page.records)
                self._total = self._total if page.total is None else page.total
                self.read_to = max([self.read_to, *ids_of(page)])
                yield page

    async def check_end(self) -> None:
        """Make sure that the last page was the end of the list, where Clio's own count leaves that open.

        A count that is not reached, or none beside a full last page, costs one request: what is the list's highest id,
        seen from its other end? What Clio counts and lists at neither end, nobody can read.

        Raises:
            ListCutShort: Clio lists records beyond its last page.
        """
        endpoint = self._resource.endpoint
        if not self._is_one_list or self._is_all():
            return
        highest = await self._client.highest_id(endpoint, since_at=self._run.since_at, priority=self._priority)
        if highest is not None and highest > self.read_to:
            of = "" if self._total is None else f" of {self._total}"
            raise ListCutShort(
                f"clio lists {self._resource.plural} beyond the last page that it gave, and {self._seen}{of} were read:"
                " the run is not whole, and the next one reads the list again"
            )
        log.info("clio_lists_fewer_than_it_counts", resource=self._resource.name, seen=self._seen, total=self._total)

    @property
    def _is_one_list(self) -> bool:
        return self._resource.has_list and len(self._resource.endpoint.variants) == 1

    def _is_all(self) -> bool:
        if self._total is None:
            return self._seen % self._resource.endpoint.page_limit != 0 or self._seen == 0
        return self._seen >= self._total

    async def _source(self) -> AsyncGenerator[Page, None]:
        if self._is_one_list:
            source = self._of_list()
        elif self._resource.has_list:
            await self._note(Plan(way="cursor", page_limit=self._resource.endpoint.page_limit, ahead=1))
            source = of_variants(self._preparing, self._run, self._resource)
        else:
            await self._note(Plan(way="parents", page_limit=self._resource.endpoint.page_limit, ahead=0))
            source = of_parents(self._services, self._preparing, self._run, self._resource)
        async with aclosing(source):
            async for page in source:
                yield page

    async def _of_list(self) -> AsyncGenerator[Page, None]:
        """Yield the pages of one list. A list that windows do not read to its end is begun again by cursor."""
        offset, page = _offset_in(self._run.next_url), None
        if offset is None:
            page = await self._page(self._run.next_url)
            if (await self._plan(page)).way == "cursor":
                async with aclosing(self._preparing.onwards(page, priority=self._priority)) as pages:
                    async for each in pages:
                        yield each
                return
        else:
            await self._look_at_budget()
        try:
            async with aclosing(self._windows(offset or 0, page)) as windows:
                async for each in windows:
                    yield each
        except OffsetsEnd:
            log.info("sync_run_goes_on_by_cursor", resource=self._resource.name, read_to=self.read_to)
        else:
            return
        async with aclosing(self._again_by_cursor()) as pages:
            async for each in pages:
                yield each

    async def _again_by_cursor(self) -> AsyncGenerator[Page, None]:
        await self._begin_again()
        await self._note(self._by_cursor)
        self._seen = self.read_to = 0
        page = await self._page(None)
        async with aclosing(self._preparing.onwards(page, priority=self._priority)) as pages:
            async for each in pages:
                yield each

    async def _windows(self, offset: int, first: Page | None) -> AsyncGenerator[Page, None]:
        async def ask(at: int) -> Page:
            return await self._page(None, offset=at)

        windows = read_windows(
            ask,
            page_limit=self._resource.endpoint.page_limit,
            ahead=lambda: self._pace.ahead,
            offset=offset,
            read_to=self.read_to,
            total=self._total or 0,
            first=first,
        )
        async with aclosing(windows):
            async for window in windows:
                following = None if window.next_offset is None else self._window_url(window.next_offset)
                yield dataclasses.replace(window.page, next_url=following)

    async def _page(self, next_url: str | None, offset: int | None = None) -> Page:
        # Of a window, what was read before is cut off first: it is prepared where it is written.
        client = self._preparing if offset is None else self._client
        return await client.list_page(
            self._resource.endpoint,
            next_url=next_url,
            since_at=self._run.since_at,
            offset=offset,
            priority=self._priority,
        )

    async def _plan(self, page: Page) -> Plan:
        """Plan the rest of the list by the first page; a run that was taken up again goes on by its cursor."""
        plan = self._by_cursor
        if page.next_url is not None:
            await self._look_at_budget()
            if self._run.next_url is None:
                plan = plan_list(page_limit=plan.page_limit, total=page.total, read=len(page.records), pace=self._pace)
        await self._note(plan)
        return plan

    async def _look_at_budget(self) -> None:
        found = await self._services.accounts.budgets([self._run.firm])
        if self._run.firm in found:
            self._allowed_per_minute = found[self._run.firm].limit

    @property
    def _by_cursor(self) -> Plan:
        return Plan(way="cursor", page_limit=self._resource.endpoint.page_limit, ahead=1)

    @property
    def _pace(self) -> Pace:
        return Pace(
            latency_s=self._run.usage.latency_s,
            allowed_per_minute=self._allowed_per_minute or DEFAULT_LIMIT,
            most_ahead=self._services.settings.sync_pages_ahead,
        )

    async def _note(self, plan: Plan) -> None:
        await runs.note_plan(
            self._services.database,
            self._run,
            owner=self._owner,
            plan=str(plan),
            allowed_per_minute=self._allowed_per_minute,
        )

    def _window_url(self, offset: int) -> str:
        """The checkpoint of a run that reads through windows: no address of Clio's, which are whole URLs."""
        params = {**first_page(self._resource.endpoint, self._run.since_at), "offset": str(offset)}
        return f"{self._resource.endpoint.path}.json?{urlencode(params)}"


def _offset_in(url: str | None) -> int | None:
    """Return the offset of a window's checkpoint; None for every other."""
    if url is None or "://" in url:
        return None
    offset = dict(parse_qsl(urlsplit(url).query)).get("offset")
    return int(offset) if offset is not None else None
