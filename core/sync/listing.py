"""Clio's whole list of a resource, cut into ranges of ids: what a page holds, and which ids it says are not there.

Where only several lists together hold every record (`ClioEndpoint.variants`), they are read side by side, and a range
ends where the first of their pages does.
"""

import dataclasses
import datetime
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from core.clio.client import ClioClient, first_page
from core.clio.priority import Priority
from core.errors import ClioUnexpectedAnswer
from core.payload import listing_fields
from core.resource import Resource
from core.sync.runs import Run

HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Range:
    """Every record that Clio lists after one id and up to another, as its id, its version and whether it is trashed.

    The last range ends at `HIGHEST_ID`, and has no `next_url`. `requested_at` is when the first of its pages was asked
    for, `requests` how many were read for it, and `total` Clio's count of all records, where it was told.
    """

    records: list[dict[str, Any]]
    after: int
    up_to: int
    next_url: str | None
    total: int | None
    requested_at: datetime.datetime
    requests: int


async def ranges_of(client: ClioClient, run: Run, resource: Resource, *, after: int) -> AsyncGenerator[Range, None]:
    """Yield the ranges of a list from the first, or from the run's checkpoint, which covers the ids up to `after`.

    Close the generator to stop early. One request per page, each list's next one under way.

    Raises:
        ClioUnexpectedAnswer: the list is not in order of id, or lists something without an id.
    """
    urls = _checkpoint(run, resource)
    async with AsyncExitStack() as stack:
        lists = [_List(client, run, resource, url, after) for url in urls]
        for each in lists:
            await stack.enter_async_context(aclosing(each.pages))
        while after < HIGHEST_ID:
            requests = [await each.read_beyond(after) for each in lists]
            up_to = min(each.end for each in lists)
            records = [record for each in lists for record in each.take(up_to)]
            yield Range(
                records=list({record["id"]: record for record in records}.values()),
                after=after,
                up_to=up_to,
                next_url=None if up_to == HIGHEST_ID else "\n".join(each.next_url for each in lists),
                total=lists[0].total if len(lists) == 1 else None,
                requested_at=min(each.requested_at for each in lists),
                requests=sum(requests),
            )
            after = up_to


class _List:
    """One list of a resource: the page that is being used up, and the pages that follow."""

    def __init__(self, client: ClioClient, run: Run, resource: Resource, url: str, after: int) -> None:
        self.pages = client.pages(resource.endpoint, next_url=url, priority=Priority.RECONCILE)
        self.end = after if url else HIGHEST_ID
        self.total: int | None = None
        # Of a list that was read to its end in an earlier turn, all that is known is that it was after this.
        self.requested_at = run.high_water_at
        self._resource = resource
        self._url, self._following = "", url
        self._left: list[dict[str, Any]] = []
        self._last = 0

    @property
    def next_url(self) -> str:
        """Where to go on: the page in hand while some of it is left, else the next one; empty at the end."""
        return self._url if self._left else self._following

    async def read_beyond(self, after: int) -> int:
        """Read on until the list is known beyond an id; return how many requests that took."""
        requests = 0
        while self.end <= after:
            page = await anext(self.pages)
            requests += 1
            self._url, self._following = self._following, page.next_url or ""
            self.total, self.requested_at = page.total, page.requested_at
            self._take_in(page.records, after)
            if page.next_url is None:
                self.end = HIGHEST_ID
        return requests

    def _take_in(self, records: list[dict[str, Any]], after: int) -> None:
        """Keep what of a page is beyond an id. Pages must follow in order of id; within one, order is no matter."""
        for record in records:
            if type(record.get("id")) is not int:
                raise ClioUnexpectedAnswer(f"clio lists {self._resource.plural} without ids")
        numbers = [record["id"] for record in records]
        if min(numbers, default=HIGHEST_ID) <= self._last:
            raise ClioUnexpectedAnswer(f"clio's list of {self._resource.plural} is not in order of id: not compared")
        self._last = max(numbers, default=self._last)
        self.end = max(self.end, self._last)
        self._left = sorted((record for record in records if record["id"] > after), key=lambda record: record["id"])

    def take(self, up_to: int) -> list[dict[str, Any]]:
        """Return the records up to an id, and keep the rest."""
        taken = [record for record in self._left if record["id"] <= up_to]
        self._left = self._left[len(taken) :]
        return taken


def _checkpoint(run: Run, resource: Resource) -> list[str]:
    """Return where each list is to be read from; empty for one that was read to its end."""
    endpoint = resource.endpoint
    urls = run.next_url.split("\n") if run.next_url else []
    if len(urls) == len(endpoint.variants):
        return urls
    return [
        f"{endpoint.path}.json?"
        + urlencode(
            first_page(
                dataclasses.replace(endpoint, params={**endpoint.params, **variant}),
                None,
                ",".join(filter(None, (listing_fields(endpoint.payload), resource.trash_column))),
            )
        )
        for variant in endpoint.variants
    ]
