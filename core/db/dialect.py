"""How Piccolo is told that there is one dialect: PostgreSQL.

Piccolo asks a table's engine how to spell a column type. `DIALECT` answers that and never connects; queries go through
`core.db.engine.Database`, so that one process may hold several databases (tests do) without Piccolo's process-wide
engine deciding which is meant.
"""

from typing import Any

from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table


class QuietEngine(PostgresEngine):
    """Piccolo's engine without what it does on construction: connect to read the version, and create an extension."""

    async def check_version(self) -> None:
        """Leave the version unread; `core.db.migrations` checks it where it can be reported."""

    async def prep_database(self) -> None:
        """Create no extension: no table here asks PostgreSQL for a UUID."""


DIALECT = QuietEngine(config={})


class PostgresTable(Table):
    """A Piccolo table that knows its dialect without a `piccolo_conf` module."""

    def __init_subclass__(cls, tablename: str | None = None, **options: Any) -> None:
        """Register the table; `options` are those of `piccolo.table.Table`."""
        super().__init_subclass__(tablename=tablename, **{"db": DIALECT, **options})
