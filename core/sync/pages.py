"""The pages of what Clio has no single list of: several lists one after the other, or one below each parent."""

import dataclasses
import datetime
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.clio.client import ClioClient, first_page
from core.clio.paging import Page
from core.clio.priority import Priority
from core.errors import ClioNotFound, ServiceError
from core.resource import ClioEndpoint, Parents, Resource
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services


async def of_variants(client: ClioClient, run: Run, resource: Resource) -> AsyncGenerator[Page, None]:
    """Yield the pages of every variant of a list; `next_url` of the last page of one is the first of the next.

    One request per page.
    """
    endpoint = resource.endpoint
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
                next_url = page.next_url
                if next_url is None and number + 1 < len(endpoint.variants):
                    next_url = _first_url(endpoint, endpoint.variants[number + 1], run.since_at)
                yield dataclasses.replace(page, next_url=next_url, total=None)


def _first_url(endpoint: ClioEndpoint, variant: Mapping[str, str], since_at: datetime.datetime | None) -> str:
    params = first_page(dataclasses.replace(endpoint, params={**endpoint.params, **variant}), since_at)
    return f"{endpoint.path}.json?{urlencode(params)}"


def _variant_in(endpoint: ClioEndpoint, url: str | None) -> int:
    """Return which variant a checkpoint is in: the last whose parameters its URL holds."""
    given = set(parse_qsl(urlsplit(url or "").query))
    return max(number for number, variant in enumerate(endpoint.variants) if given.issuperset(variant.items()))


async def of_parents(
    services: "Services", client: ClioClient, run: Run, resource: Resource
) -> AsyncGenerator[Page, None]:
    """Yield the pages below each parent in order of its id; `next_url` of a parent's last page is the next parent's.

    One request per page, and one statement to find the next parent; one that is gone at Clio is passed over.
    """
    parents = resource.endpoint.parents
    if parents is None:
        raise ServiceError(f"{resource.plural} have a list of their own: read that")
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
