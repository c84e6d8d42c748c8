"""The query `coverage`: the ledger, by resource."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from core.errors import BadInput
from schema.arguments import argument, with_arguments
from schema.context import Info
from schema.global_ids import read_firm
from schema.read.parameters import Parameters, firm_predicate
from schema.read.readers import Record, fetch
from schema.read.statements import Statement
from schema.types.coverage import CoverageHole, CoverageInterval, ResourceCoverage
from schema.types.firms import FIRMS

USUAL_LAST, MOST_LAST = 10, 100


def coverage_field() -> Any:
    """Return the field `Query.coverage`. Three statements, however many firms and resources there are."""
    arguments = {
        "firm": argument(strawberry.ID, "One firm, by number or global id; all of the caller's unless given."),
        "resource": argument(str, "One resource, such as contact; all unless given."),
        "last": argument(int, f"Intervals and holes of each resource; {USUAL_LAST} unless given, {MOST_LAST} at most."),
    }
    return strawberry.field(
        resolver=with_arguments(_coverage, arguments, list[ResourceCoverage]),
        description="When nothing can have changed at Clio unseen: by firm, and by resource in order of loading.",
    )


async def _coverage(
    root: Any,  # noqa: ARG001 - strawberry passes it
    info: Info,
    firm: str | None = None,
    resource: str | None = None,
    last: int | None = None,
) -> list[ResourceCoverage]:
    count = USUAL_LAST if last is None or last is strawberry.UNSET else last
    if not 1 <= count <= MOST_LAST:
        raise BadInput(f"last must be from 1 to {MOST_LAST}")
    registry = info.context.services.registry
    names = [registry.resource(resource).name] if resource else [each.name for each in registry.resources]
    firms = info.context.principal.allowed_firms(read_firm(firm or None))

    async def rows(source: str) -> Sequence[Record]:
        parameters = Parameters()
        condition = firm_predicate(FIRMS, "t", firms, parameters)
        resources, limit = parameters.add(names, "text[]"), parameters.add(count, "integer")
        text = (
            f"SELECT t.id AS firm, n.resource, f.* FROM firm AS t"
            f" CROSS JOIN unnest({resources}) WITH ORDINALITY AS n (resource, place)"
            f" {source.format(limit=limit)} WHERE {condition} ORDER BY t.id, n.place, f.place"
        )
        return await fetch(info.context.readers.pool, Statement(text, parameters.values))

    heads = await rows(_HEADS)
    intervals = _by_resource(await rows(_latest("coverage_interval", "until_at")))
    holes = _by_resource(await rows(_latest("coverage_hole", "from_at")))
    return [
        _make(
            ResourceCoverage,
            {
                **head,
                "intervals": [_make(CoverageInterval, dict(row)) for row in intervals[head["firm"], head["resource"]]],
                "holes": [_make(CoverageHole, dict(row)) for row in holes[head["firm"], head["resource"]]],
            },
        )
        for head in heads
    ]


_HEADS = """CROSS JOIN LATERAL (
    SELECT max(known.until_at) AS covered_until, 1 AS place, {limit} AS most, (
        SELECT live.id FROM webhook_endpoint AS live
        WHERE live.firm = t.id AND live.resource = n.resource AND live.state NOT IN ('retiring', 'retired')
        ORDER BY live.state = 'enabled' DESC, live.id DESC LIMIT 1
    ) AS endpoint
    FROM coverage_interval AS known WHERE known.firm = t.id AND known.resource = n.resource
) AS f"""


def _latest(table: str, order: str) -> str:
    return f"""CROSS JOIN LATERAL (
        SELECT known.*, row_number() OVER (ORDER BY known.{order}, known.id) AS place FROM (
            SELECT * FROM {table} AS known WHERE known.firm = t.id AND known.resource = n.resource
            ORDER BY known.{order} DESC, known.id DESC LIMIT {{limit}}
        ) AS known
    ) AS f"""


def _by_resource(rows: Sequence[Record]) -> defaultdict[tuple[int, str], list[Record]]:
    found: defaultdict[tuple[int, str], list[Record]] = defaultdict(list)
    for row in rows:
        found[row["firm"], row["resource"]].append(row)
    return found


def _make(kind: type[Any], values: Mapping[str, Any]) -> Any:
    made = object.__new__(kind)
    vars(made).update(values.items())
    return made
