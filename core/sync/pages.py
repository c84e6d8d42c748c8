"""The pages of a run: of one list, or of the lists under each parent where Clio has no list of the whole."""

import dataclasses
import datetime
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from core.clio.budget import Priority
from core.clio.client import Page
from core.errors import ClioNotFound
from core.resource import Parents, Resource
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services


async def pages_of(services: "Services", run: Run, resource: Resource) -> AsyncGenerator[Page, None]:
    """Yield the pages of a run, from the first or from its checkpoint; close the generator to stop early.

    One request per page. Below parents, one statement finds the next parent; one that is gone at Clio is passed over.
    """
    parents = resource.endpoint.parents
    source = _of_list(services, run, resource) if parents is None else _of_parents(services, run, resource, parents)
    async with aclosing(source):
        async for page in source:
            yield page


def _of_list(services: "Services", run: Run, resource: Resource) -> AsyncGenerator[Page, None]:
    client = services.accounts.client(run.firm)
    return client.pages(resource.endpoint, next_url=run.next_url, since_at=run.since_at, priority=Priority.SYNC)


async def _of_parents(
    services: "Services", run: Run, resource: Resource, parents: Parents
) -> AsyncGenerator[Page, None]:
    """Yield the pages below each parent in order of its id; `next_url` of a parent's last page is the next parent's."""
    client = services.accounts.client(run.firm)
    next_url = run.next_url or await _next_parent(services, run, resource, parents, after=0)
    while next_url is not None:
        asked_at = datetime.datetime.now(datetime.UTC)
        try:
            page = await client.page(resource.endpoint, next_url, priority=Priority.SYNC)
        except ClioNotFound:
            page = Page(records=[], next_url=None, total=None, requested_at=asked_at)
        if page.next_url is None:
            parent = _parent_in(resource, next_url)
            page = dataclasses.replace(
                page, next_url=await _next_parent(services, run, resource, parents, after=parent)
            )
        next_url = page.next_url
        yield dataclasses.replace(page, total=None)


async def _next_parent(
    services: "Services", run: Run, resource: Resource, parents: Parents, *, after: int
) -> str | None:
    number = await services.database.pool.fetchval(
        f"""SELECT parent.clio_id FROM "{parents.resource.table_name}" AS parent
        WHERE parent.firm = $1 AND parent.clio_id > $2 AND parent.presence = 'present'
          AND ($3::timestamptz IS NULL OR parent.seen_at >= $3) AND ({parents.where})
        ORDER BY parent.clio_id LIMIT 1""",
        run.firm,
        after,
        run.since_at,
    )
    return None if number is None else f"{resource.endpoint.path.replace('{parent}', str(number))}.json"


def _parent_in(resource: Resource, url: str) -> int:
    head, _, tail = resource.endpoint.path.partition("{parent}")
    found = re.search(rf"{re.escape(head)}(\d+){re.escape(tail)}", url)
    return int(found[1]) if found else 0
