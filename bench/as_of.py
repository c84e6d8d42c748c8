"""What `asOf` costs beside the present, by how much has changed since: one statement each, in this process."""

import datetime
import json
import time

from bench.stage import stage
from core.auth.principal import Principal
from core.db.engine import Pool
from core.services import Services
from schema.build import build_schema
from schema.execution import GraphQLRequest, Operations

CONTACTS, MATTERS = 100_000, 50_000
ROUNDS = 9
DAYS = (1, 60, 90)
"""Days ago since when none, a tenth, and all of the records have changed."""

FILL = (
    """INSERT INTO contacts_contact (firm, clio_id, seen_at, name, company_clio_id)
    SELECT f, n, now() - interval '100 days', 'name ' || n, n % 1000 FROM unnest($1::bigint[]) AS f,
        generate_series(1, $2::int) AS n""",
    """INSERT INTO matters_matter (firm, clio_id, seen_at, display_number, status, client_clio_id)
    SELECT f, n, now() - interval '100 days', 'm ' || n, 'Open', n * 2 FROM unnest($1::bigint[]) AS f,
        generate_series(1, $2::int / 2) AS n""",
    """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after, recorded_at)
    SELECT firm, 'contact', clio_id, 'created', seen_at, 'backfill', jsonb_strip_nulls(to_jsonb(c)), seen_at
    FROM contacts_contact AS c WHERE firm = ANY ($1::bigint[]) AND $2::int > 0""",
    """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after, recorded_at)
    SELECT firm, 'matter', clio_id, 'created', seen_at, 'backfill', jsonb_strip_nulls(to_jsonb(c)), seen_at
    FROM matters_matter AS c WHERE firm = ANY ($1::bigint[]) AND $2::int > 0""",
)

CHANGE = """
INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, before, after, recorded_at)
SELECT firm, resource, clio_id, 'updated', now() - $1::interval, 'webhook',
       jsonb_build_object('etag', 'old', CASE resource WHEN 'contact' THEN 'name' ELSE 'status' END, 'old'),
       jsonb_build_object('etag', 'new'), now() - $1::interval
FROM change WHERE operation = 'created' AND clio_id % $2 = 0"""

QUERIES = {
    "one contact": "contact(clioId: 7920, asOf: $t) { name seenAt company { name } }",
    "50 matters, client, values": """matters(asOf: $t, first: 50) {
        nodes { status client { name } customFieldValues { text } } }""",
    "50 contacts, their matters": "contacts(asOf: $t, first: 50) { nodes { name matters { nodes { status } } } }",
    "50 contacts by name": "contacts(asOf: $t, first: 50, orderBy: [{field: NAME, direction: ASC}]) { nodes { name } }",
    "count of contacts": "contacts(asOf: $t) { totalCount }",
    "50 matters by client's name": """matters(asOf: $t, first: 50, filter: {client: {name: {startsWith: "old"}}}) {
        nodes { status } }""",
}


async def measure() -> None:
    """Print the least time of each query in milliseconds: of the present, and with ever more changed since."""
    async with stage(contacts=10, rate_limit=1_000_000) as (services, firm, _):
        await _fill(services.database.pool, [firm, firm + 1])
        print(f"as_of: {CONTACTS:,} contacts, {MATTERS:,} matters; ms now, and with 0, 10 and 100 % changed since")
        for name, asked in QUERIES.items():
            took = [await _best(services, firm, asked, days) for days in (None, *DAYS)]
            print(f"as_of: {name}: {' / '.join(f'{ms:.1f}' for ms in took)}")


async def _fill(pool: Pool, firms: list[int]) -> None:
    for statement in FILL:
        await pool.execute(statement, firms, CONTACTS, timeout=600)
    await pool.execute(CHANGE, datetime.timedelta(days=30), 10, timeout=600)
    await pool.execute(CHANGE, datetime.timedelta(days=75), 1, timeout=600)
    await pool.execute("VACUUM ANALYZE", timeout=600)


async def _best(services: Services, firm: int, asked: str, days: int | None) -> float:
    operations = Operations(build_schema(services.registry), services)
    caller = Principal(
        subject="bench",
        firms=frozenset({firm}),
        scopes=frozenset({"read"}),
        expires_at=datetime.datetime.max.replace(tzinfo=datetime.UTC),
    )
    at = None if days is None else datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    variables = {"t": at and at.isoformat()}
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = await operations.answer(
            GraphQLRequest(query=f"query ($t: DateTime) {{ {asked} }}", variables=variables), caller
        )
        took.append((time.perf_counter() - started) * 1000)
        found = json.loads(answer.body)
        if "errors" in found:
            raise RuntimeError(f"{asked}: {found['errors'][0]['message']}")
    return min(took)
