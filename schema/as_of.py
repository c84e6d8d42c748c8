"""The argument `asOf` where resolvers read: everything below its root field is read as of the instant."""

import datetime
from collections.abc import Mapping
from typing import Any

from graphql import get_named_type

from core.db.reading import Reading
from core.history.horizon import HistoryPurged
from schema.arguments import argument
from schema.context import Info
from schema.read.as_of import AsOf, AsOfTables, check_instant
from schema.read.as_of_fields import check_fields
from schema.read.horizon import earliest_sql, firms_asked
from schema.read.parameters import Parameters
from schema.read.readers import Readers, Record, fetch
from schema.read.selection import Selections
from schema.read.statements import Statement

AS_OF = argument(
    datetime.datetime,
    "An instant: this, and everything below it, is read as the mirror held it then. The present unless given.",
)


class PastReading:
    """Sessions whose every statement is read as of an instant."""

    def __init__(
        self, sessions: Reading, tables: AsOfTables, at: datetime.datetime, firms: frozenset[int] | None
    ) -> None:
        self._sessions = sessions
        self._tables = tables
        self._at = at
        self._firms = firms

    async def fetch(self, text: str, *values: Any) -> list[Record]:
        """Run a statement that begins with SELECT, and return its rows.

        Raises:
            AsOfUnsupported: it names what has no history.
        """
        parameters = Parameters(values)
        below = self._tables.put_below(text, AsOf(self._at, self._firms, parameters))
        return await fetch(self._sessions, Statement(below, parameters.values))


async def begin_as_of(info: Info, given: Mapping[str, Any], tables: AsOfTables | None) -> None:
    """Let all that is read below a root field be read as of its argument `as_of`, if that is given.

    Raises:
        BadInput: the instant is in the future, or another argument is not what it should be.
        Forbidden: the argument `firm` names a firm that is not the caller's.
        HistoryPurged: a firm's history does not reach so far back.
        AsOfUnsupported: a field below has a resolver of its own, or no history.
    """
    at = given.get("as_of")
    if at is None or tables is None:
        return
    check_instant(at)
    context = info.context
    raw = info._raw_info  # noqa: SLF001 - strawberry has no public way to graphql-core's
    selections = Selections(raw.schema, raw.fragments, info.variable_values)
    check_fields(selections, tables, get_named_type(raw.return_type), raw.field_nodes)
    parameters, firms = Parameters(), firms_asked(given, context.principal)
    earliest = Statement(earliest_sql(firms, parameters), parameters.values)
    [row] = await fetch(context.readers.pool, earliest)
    if row["at"] is not None and at < row["at"]:
        earliest_at = row["at"].astimezone(datetime.UTC).isoformat()
        raise HistoryPurged(f"the history before {earliest_at} was purged: ask for that instant or a later one")
    context.read_past(info.path, Readers(lambda: PastReading(context.readers.pool, tables, at, firms), firms))
