"""`metrics`: one field for each plugin that has any, over the firms of the caller."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import strawberry

from core.db.reading import Reading
from core.errors import PluginError
from schema.connections import make_type
from schema.context import Info
from schema.extensions import ObjectField
from schema.global_ids import read_firm
from schema.read.readers import Record, fetch
from schema.read.statements import Statement

FIRMS = "$1"
"""The parameter in a metric's statement that holds the firms."""


class MetricsRoot:
    """The firms that metrics are asked of; None for every firm."""

    def __init__(self, firms: frozenset[int] | None) -> None:
        self.firms = firms


async def metric_rows(info: Info, root: MetricsRoot, text: str, *values: Any) -> list[Record]:
    """Run the statement of a metric and return its rows.

    The statement holds the condition `{firm}` for each mirror table `{firm:alias}` that it reads, which keeps it within
    the caller's firms; `values` are its parameters from $2.

    Raises:
        PluginError: the statement does not ask for the condition.
    """
    if "{firm:" not in text:
        raise PluginError("a metric's statement must hold {firm:alias} for each table it reads, to stay within firms")
    firms = None if root.firms is None else sorted(root.firms)
    return await fetch(info.context.readers.pool, Statement(_within_firms(text), [firms, *values]))


def metric_figure(text: str, column: str) -> Callable[[Any, Info], Awaitable[Any]]:
    """Return the resolver of one figure: a column of a statement's only row.

    The statement is as for `metric_rows`, without parameters, and runs once for all of its figures that are asked for.
    """

    async def resolve(root: Any, info: Info) -> Any:
        async def load(_pool: Reading, _firms: frozenset[int] | None, columns: list[str]) -> list[Any]:
            (row,) = await metric_rows(info, root, text)
            return [row[each] for each in columns]

        return await info.context.readers.loader((text, root.firms), load).load(column)

    del resolve.__annotations__["return"]  # so that the annotation of the field it resolves holds
    return resolve


def _within_firms(text: str) -> str:
    head, *parts = text.split("{firm:")
    return head + "".join(
        f"({FIRMS}::bigint[] IS NULL OR {alias}.firm = ANY ({FIRMS}::bigint[])){rest}"
        for alias, _, rest in (part.partition("}") for part in parts)
    )


def metrics_field(fields: Sequence[ObjectField]) -> Any | None:
    """Return the field `metrics` of Query with a field for each plugin; None where none has metrics."""
    if not fields:
        return None
    made = make_type(
        "Metrics",
        "Figures over the mirrored records that are present, one field for each plugin.",
        {each.name: (None, each.field) for each in fields},
    )

    async def metrics(
        info: Info,
        firm: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="One firm, by number or global id; all of the caller's unless given."),
        ] = None,
    ) -> Any:
        return MetricsRoot(info.context.principal.allowed_firms(read_firm(firm)))

    metrics.__annotations__["return"] = made
    return strawberry.field(resolver=metrics, description="Figures over the mirrored records; see docs/metrics.md.")
