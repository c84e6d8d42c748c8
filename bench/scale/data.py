"""The rows of a large service: a firm with very many activities, many firms with few, their changes and deliveries."""

from dataclasses import dataclass

from core.db.engine import Pool
from core.resource import MIRROR_COLUMNS, Resource

LARGE = 1
"""The firm with very many activities; those after it have few."""

FIRST_ID = 2_000_000_000

_FIRMS = """
INSERT INTO firm (id, region, clio_account_id, name)
SELECT i, 'us', i, format('Firm %s', i) FROM generate_series($1::bigint, $2::bigint) AS i"""

# As people record them: by many users, on many matters, day after day.
_ACTIVITIES = f"""
INSERT INTO activities_activity (firm, clio_id, etag, clio_created_at, clio_updated_at, seen_at, type, date, quantity,
    quantity_in_hours, rounded_quantity, rounded_quantity_in_hours, quantity_redacted, price, total, non_billable_total,
    non_billable, no_charge, flat_rate, contingency_fee, billed, on_bill, note, currency_code, matter_clio_id,
    user_clio_id, activity_description_clio_id, activity_description_name, bill_clio_id, bill_number, bill_state)
SELECT firm, {FIRST_ID} + i, format('"%s-%s"', firm, i), timestamptz '2020-01-01' + i * interval '1 minute',
    timestamptz '2020-01-01' + i * interval '1 minute', now(), 'TimeEntry', date '2020-01-01' + (i / 1440)::int,
    900 * (i % 9), 0.25 * (i % 9), 900 * (i % 9), 0.25 * (i % 9), false, 250.00, 62.5 * (i % 9), 0, false, false, false,
    false, i % 2 = 0, i % 2 = 0, format('Correspondence and drafting on the matter, part %s of the work', i), 'USD',
    1000000000 + i * 7919 % greatest($3::bigint / 10, 1), i * 31 % 60 + 1, i % 12 + 1,
    format('Kind of work %s', i % 12),
    CASE WHEN i % 2 = 0 THEN i / 40 END, CASE WHEN i % 2 = 0 THEN (i / 40)::text END,
    CASE WHEN i % 2 = 0 THEN 'paid' END
FROM generate_series($1::bigint, $2::bigint) AS firm CROSS JOIN generate_series(1, $3::bigint) AS i"""

_CHANGES = """
INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, etag, clio_updated_at, after)
SELECT stored.firm, 'activity', stored.clio_id, 'created', stored.seen_at, 'backfill', stored.etag,
       stored.clio_updated_at, jsonb_strip_nulls(to_jsonb(stored) - $1::text[])
FROM activities_activity AS stored"""

_DELIVERIES = """
INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, record_clio_id, digest, body, status, outcome,
    processed_at)
SELECT firm, firm, 'activity', 'activity', 'updated', clio_id, sha256(int8send(id)),
       convert_to(repeat(md5(id::text), 32), 'UTF8'), 'processed', 'updated', now()
FROM activities_activity WHERE clio_id % $1::int = 0"""

# A run of every resource for every firm that ends tomorrow: nothing is due, however long filling takes.
_RUNS = """
INSERT INTO sync_run (firm, resource, kind, state, started_at, finished_at)
SELECT firm.id, of.resource, 'incremental', 'succeeded', now(), now() + interval '1 day'
FROM firm CROSS JOIN unnest($1::text[]) AS of (resource) WHERE firm.id BETWEEN $2 AND $3"""

_CURSORS = """
INSERT INTO sync_cursor (firm, resource, high_water_at, backfilled_at)
SELECT firm.id, of.resource, now(), now()
FROM firm CROSS JOIN unnest($1::text[]) AS of (resource) WHERE firm.id BETWEEN $2 AND $3"""


@dataclass(frozen=True)
class Size:
    """How much there is: of the large firm, of each of the others, and one delivery for so many activities."""

    large: int = 1_000_000
    firms: int = 200
    each: int = 5_000
    per_delivery: int = 10

    @classmethod
    def scaled(cls, scale: float) -> "Size":
        """Return the full size times `scale`; the number of firms stays."""
        return cls(large=round(1_000_000 * scale), each=max(200, round(5_000 * scale)))


async def fill(pool: Pool, size: Size, resources: list[str]) -> None:
    """Write the rows into migrated, empty tables, then vacuum; about two minutes for each million activities."""
    last = LARGE + size.firms
    await add_firms(pool, LARGE, last, resources)
    await pool.execute(_ACTIVITIES, LARGE, LARGE, size.large, timeout=3600)
    await pool.execute(_ACTIVITIES, LARGE + 1, last, size.each, timeout=3600)
    internal = [name for name in MIRROR_COLUMNS if name not in {"etag", "clio_created_at", "clio_updated_at"}]
    await pool.execute(_CHANGES, internal, timeout=3600)
    await pool.execute(_DELIVERIES, size.per_delivery, timeout=3600)
    await pool.execute("VACUUM (ANALYZE)", timeout=3600)


async def add_firms(pool: Pool, first: int, last: int, resources: list[str]) -> None:
    """Write connected firms of which nothing is due."""
    await pool.execute(_FIRMS, first, last)
    await pool.execute(_RUNS, resources, first, last)
    await pool.execute(_CURSORS, resources, first, last)


async def records_of(pool: Pool, resource: Resource, firm: int, *, after: int, count: int) -> list[dict[str, object]]:
    """Return rows of activities as Clio would send them, in order of id."""
    rows = await pool.fetch(
        f"""SELECT * FROM "{resource.table_name}" WHERE firm = $1 AND clio_id > $2 ORDER BY clio_id LIMIT $3""",
        firm,
        after,
        count,
    )
    return [_as_clio(dict(row)) for row in rows]


def _as_clio(row: dict[str, object]) -> dict[str, object]:
    plain = ("type", "date", "note", "price", "total", "non_billable_total", "non_billable", "no_charge", "flat_rate")
    more = ("contingency_fee", "billed", "on_bill", "quantity", "quantity_in_hours", "rounded_quantity", "etag")
    rest = ("rounded_quantity_in_hours", "quantity_redacted")
    return {
        **{name: row[name] for name in (*plain, *more, *rest)},
        "id": row["clio_id"],
        "created_at": row["clio_created_at"],
        "updated_at": row["clio_updated_at"],
        "currency": {"code": row["currency_code"]},
        "matter": {"id": row["matter_clio_id"]},
        "user": {"id": row["user_clio_id"]},
        "activity_description": {"id": row["activity_description_clio_id"], "name": row["activity_description_name"]},
        "bill": _bill(row),
    }


def _bill(row: dict[str, object]) -> dict[str, object] | None:
    if row["bill_clio_id"] is None:
        return None
    return {"id": row["bill_clio_id"], "number": row["bill_number"], "state": row["bill_state"]}
