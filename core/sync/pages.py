"""The pages of a run: of one list, or of the lists under each parent where Clio has no list of the whole."""

import dataclasses
import datetime
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.clio.client import ClioClient, Page, first_page
from core.clio.priority import Priority
from core.errors import ClioNotFound
from core.mirror.writer import check_records
from core.resource import ClioEndpoint, Parents, Resource
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


async def _of_list(services: "Services", run: Run, resource: Resource) -> AsyncGenerator[Page, None]:
    """Yield the pages of every variant of a list; `next_url` of the last page of one is the first of the next."""
    client, endpoint = _client(services, run, resource), resource.endpoint
    at, next_url = _variant_in(endpoint, run.next_url), run.next_url
    for number in range(at, len(endpoint.variants)):
        pages = client.pages(
            dataclasses.replace(endpoint, params={**endpoint.params, **endpoint.variants[number]}),
            next_url=next_url,
            since_at=run.since_at,
            priority=Priority(run.kind),
        )
        async with aclosing(pages):
            async for page in pages:
                if page.next_url is None and number + 1 < len(endpoint.variants):
                    next_url = _first_url(endpoint, endpoint.variants[number + 1], run.since_at)
                    yield dataclasses.replace(page, next_url=next_url, total=None)
                else:
                    yield page if len(endpoint.variants) == 1 else dataclasses.replace(page, total=None)


def _client(services: "Services", run: Run, resource: Resource) -> ClioClient:
    """Return a client that checks and encodes a page while the one before it is written."""
    return services.accounts.client(run.firm, partial(check_records, resource))


def _first_url(endpoint: ClioEndpoint, variant: Mapping[str, str], since_at: datetime.datetime | None) -> str:
    params = first_page(dataclasses.replace(endpoint, params={**endpoint.params, **variant}), since_at)
    return f"{endpoint.path}.json?{urlencode(params)}"


def _variant_in(endpoint: ClioEndpoint, url: str | None) -> int:
    """Return which variant a checkpoint is in: the last whose parameters its URL holds."""
    given = set(parse_qsl(urlsplit(url or "").query))
    return max(number for number, variant in enumerate(endpoint.variants) if given.issuperset(variant.items()))


async def _of_parents(
    services: "Services", run: Run, resource: Resource, parents: Parents
) -> AsyncGenerator[Page, None]:
    """Yield the pages below each parent in order of its id; `next_url` of a parent's last page is the next parent's."""
    client = _client(services, run, resource)
    next_url = run.next_url or await _next_parent(services, run, resource, parents, after=0)
    while next_url is not None:
        asked_at = datetime.datetime.now(datetime.UTC)
        try:
            page = await client.page(resource.endpoint, next_url, priority=Priority(run.kind))
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
