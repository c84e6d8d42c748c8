"""Firms and their changes, written by plain SQL; and what the chain says of them."""

import datetime
from typing import Any

from core.history import sealing, verification
from core.history.checking import Expected, Flaw, Verdict
from core.history.partitions import partitions_of
from core.services import Services

ONE, TWO = 1, 2
AT = datetime.datetime(2024, 3, 5, 12, 30, 15, 123456, tzinfo=datetime.UTC)


class Past:
    """What a test does to the history."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.pool = services.database.pool

    async def add_firms(self) -> None:
        """Add the firms."""
        await self.pool.execute(
            "INSERT INTO firm (id, region, clio_account_id, name) VALUES (1, 'us', 1, 'One'), (2, 'us', 2, 'Two')"
        )

    async def write(
        self, count: int, *, firm: int = ONE, at: datetime.datetime | None = None, resource: str = "contact"
    ) -> None:
        """Write changes in one transaction, recorded at an instant, which is now unless given."""
        await self.pool.execute(
            """INSERT INTO change
                (firm, resource, clio_id, operation, seen_at, source, etag, before, after, recorded_at)
            SELECT $1, $2, n, 'updated', $3, 'webhook', CASE WHEN n % 2 = 0 THEN '' END,
                   jsonb_build_object('name', 'Ann'), jsonb_build_object('name', 'Ännie "' || n, 'rate', 1.50),
                   coalesce($4::timestamptz, now())
            FROM generate_series(1, $5::int) AS n""",
            *(firm, resource, AT, at, count),
        )

    async def seal(self, *, window: int = sealing.WINDOW) -> sealing.Sealed:
        """Seal all there is, as often as it takes."""
        return await sealing.seal_all(self.services, window=window, turn_s=0)

    async def verify(self, firm: int = ONE, expected: tuple[Expected, ...] = ()) -> Verdict:
        """Verify a firm."""
        return await verification.verify_firm(self.services, firm, expected=expected)

    async def flaws(self, firm: int = ONE, expected: tuple[Expected, ...] = ()) -> list[tuple[int, Flaw]]:
        """Verify a firm and return what is broken, by number of link."""
        verdict = await self.verify(firm, expected)
        assert verdict.broken == len(verdict.breaks)
        return [(each.number, each.flaw) for each in verdict.breaks]

    async def links(self, firm: int = ONE) -> list[Any]:
        """Return the links of a firm, in order."""
        return list(await self.pool.fetch("SELECT * FROM history_seal WHERE firm = $1 ORDER BY number", firm))

    async def changes(self, firm: int = ONE) -> list[Any]:
        """Return the changes of a firm, in the order of the feed."""
        return list(await self.pool.fetch("SELECT * FROM change WHERE firm = $1 ORDER BY committed_in, id", firm))

    async def by_month(self, months: int) -> None:
        """Have a partition for each of so many months past, as a service has that has run for so long."""
        [first] = await self.pool.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'change'::regclass"
            " ORDER BY 1 LIMIT 1"
        )
        await self.pool.execute(f"DROP TABLE {first['name']}")
        await self.pool.execute(
            "SELECT add_change_partition((date_trunc('month', now() AT TIME ZONE 'UTC')"
            " - make_interval(months => n))::date) FROM generate_series(0, $1::int) AS n",
            months,
        )

    async def partitions(self) -> list[str]:
        """Return the names of the partitions."""
        async with self.pool.acquire() as connection:
            return [each.name for each in await partitions_of(connection)]


def months_ago(count: int, *, day: int = 15) -> datetime.datetime:
    """Return noon of a day of the month so many months ago, UTC."""
    now = datetime.datetime.now(datetime.UTC)
    years, month = divmod(now.year * 12 + now.month - 1 - count, 12)
    return datetime.datetime(years, month + 1, day, 12, tzinfo=datetime.UTC)
