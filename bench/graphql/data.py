"""The rows that every server reads: two firms in our own mirror tables, written by SQL, the same in every run."""

from dataclasses import dataclass

import asyncpg

FIRM, OTHER_FIRM = 1, 2
FIRST_MATTER = 1_000_000_000
"""Clio's ids have ten digits; one number range serves every table."""

VALUES_PER_MATTER = 2

_FIRMS = f"""
INSERT INTO firm (id, region, clio_account_id, name)
VALUES ({FIRM}, 'us', 1, 'Measured LLP'), ({OTHER_FIRM}, 'us', 2, 'Somebody Else LLP')"""

_FIELDS = """
INSERT INTO custom_fields_custom_field (firm, clio_id, seen_at, name, parent_type, field_type)
VALUES ($1, 501, now(), 'Court file', 'Matter', 'text_line'), ($1, 502, now(), 'Claim', 'Matter', 'currency')"""

_USERS = """
INSERT INTO users_user (firm, clio_id, etag, seen_at, name, first_name, last_name, email, enabled, rate)
SELECT $1, i, format('"u%s"', i), now(), format('Attorney %s', i), 'Attorney', i::text,
       format('attorney%s@example.com', i), true, 100 + i
FROM generate_series(1, $2::int) AS i"""

_CONTACTS = """
INSERT INTO contacts_contact (firm, clio_id, etag, seen_at, type, name, first_name, last_name, is_client,
    primary_email_address, primary_phone_number)
SELECT $1, i, format('"c%s"', i), now(), CASE WHEN i % 5 = 0 THEN 'Company' ELSE 'Person' END,
       format('Client %s', i), 'Client', i::text, true, format('client%s@example.com', i), format('+1 555 %s', i)
FROM generate_series(1, $2::int) AS i"""

_MATTERS = f"""
INSERT INTO matters_matter (firm, clio_id, etag, seen_at, number, display_number, description, status, billable,
    billing_method, open_date, client_clio_id, responsible_attorney_clio_id, originating_attorney_clio_id,
    custom_field_values)
SELECT $1, {FIRST_MATTER} + i, format('"m%s"', i), now(), i, format('%s-Client', lpad(i::text, 6, '0')),
       format('Matter about case %s', i), (ARRAY['Open', 'Pending', 'Closed'])[i % 3 + 1], i % 4 <> 0, 'hourly',
       date '2015-01-01' + i % 3650, i::bigint * 7919 % $3 + 1, i::bigint * 31 % $4 + 1, i::bigint * 17 % $4 + 1,
       json_build_array(
           json_build_object('id', format('text_line-%s', i), 'field_name', 'Court file', 'field_type', 'text_line',
               'custom_field_clio_id', 501, 'soft_deleted', false, 'text', format('CF %s', i)),
           json_build_object('id', format('currency-%s', i), 'field_name', 'Claim', 'field_type', 'currency',
               'custom_field_clio_id', 502, 'soft_deleted', false, 'text', i::text, 'number', i))::jsonb
FROM generate_series(1, $2::int) AS i"""

# 0 to 11 for each matter, 5 on average. They lie in the order in which people record them, not matter by matter.
_ACTIVITIES = f"""
INSERT INTO activities_activity (firm, clio_id, etag, seen_at, type, date, quantity, quantity_in_hours, price, total,
    non_billable, billed, on_bill, note, matter_clio_id, user_clio_id)
SELECT $1, 2000000000 + row_number() OVER (ORDER BY turn, i), format('"a%s-%s"', i, turn), now(), 'TimeEntry',
       date '2015-01-01' + ((i + turn * 30) % 3650)::int, 900 * turn, 0.25 * turn, 200.00, 50.00 * turn,
       false, i % 2 = 0, i % 2 = 0, format('Work on case %s, part %s', i, turn),
       {FIRST_MATTER} + i, (i::bigint * 13 + turn) % $3 + 1
FROM generate_series(1, $2::int) AS i
CROSS JOIN LATERAL generate_series(1, i::bigint * 7919 % 11 + (i % 100 = 0)::int) AS turn
ORDER BY turn, i"""


@dataclass(frozen=True)
class Size:
    """How many rows the measured firm has; the other firm has a tenth."""

    users: int
    contacts: int
    matters: int

    @classmethod
    def scaled(cls, scale: float) -> "Size":
        """Return the full size, 100 users, 50,000 contacts and 100,000 matters, times `scale`; never under a window."""
        return cls(100, max(500, round(50_000 * scale)), max(2_000, round(100_000 * scale)))


async def fill(connection: asyncpg.Connection, size: Size) -> dict[str, int]:
    """Write the rows into migrated, empty tables; return table -> rows. Half a minute at full size."""
    await connection.execute(_FIRMS)
    for firm, part in ((FIRM, 1), (OTHER_FIRM, 10)):
        matters, contacts, users = size.matters // part, size.contacts // part, size.users // part
        await connection.execute(_FIELDS, firm)
        await connection.execute(_USERS, firm, users)
        await connection.execute(_CONTACTS, firm, contacts)
        await connection.execute(_MATTERS, firm, matters, contacts, users)
        await connection.execute(_ACTIVITIES, firm, matters, users)
    await connection.execute("VACUUM ANALYZE")
    tables = ("users_user", "contacts_contact", "matters_matter", "activities_activity", "custom_fields_value")
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table} WHERE firm = $1", FIRM) for table in tables}
