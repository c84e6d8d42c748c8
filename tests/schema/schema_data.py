"""Two firms with the same Clio ids, written by plain SQL."""

import datetime
import json
from decimal import Decimal
from typing import Any

import asyncpg

ONE, TWO = 1, 2
SEEN = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def contacts(firm: int) -> list[dict[str, Any]]:
    """The contacts of a firm: ties, nulls, a company with people, deleted and hidden ones."""
    rows = []
    for number in range(1, 13):
        name = None if number in {4, 9} else f"{'abcd'[number % 4]}name{number % 3}"
        rows.append(
            {
                "firm": firm,
                "clio_id": number,
                "etag": f'"{number}"',
                "presence": {11: "deleted", 12: "hidden"}.get(number, "present"),
                "clio_updated_at": SEEN + datetime.timedelta(days=number % 5),
                "type": "Company" if number == 1 else "Person",
                "name": name,
                "title": f"firm {firm}",
                "date_of_birth": datetime.date(1980, 1, number) if number % 3 else None,
                "is_client": None if number % 4 == 0 else number % 2 == 0,
                "company_clio_id": 1 if number in {2, 3, 5} else 999 if number == 6 else None,
                "seen_at": SEEN,
            }
        )
    return rows


def matters(firm: int) -> list[dict[str, Any]]:
    """The matters of a firm: several to a client, one whose client has not arrived."""
    return [
        {
            "firm": firm,
            "clio_id": 100 + number,
            "presence": "present",
            "number": number % 4,
            "display_number": f"{number:05d}-{'abc'[number % 3]}",
            "description": f"of firm {firm}",
            "status": ["Open", "Pending", "Closed"][number % 3],
            "open_date": datetime.date(2024, 1, 1 + number) if number % 5 else None,
            "client_clio_id": 77 if number == 0 else 1 + number % 3,
            "responsible_attorney_clio_id": 500,
            "practice_area_clio_id": 9_007_199_254_740_993,
            "seen_at": SEEN,
        }
        for number in range(12)
    ]


async def seed(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Write two firms with the same Clio ids and everything core keeps about them."""
    await connection.execute(
        """INSERT INTO firm (id, region, clio_account_id, name, created_at)
           VALUES (1, 'us', 11, 'Ash and Birch', $1), (2, 'eu', 22, 'Cedar and Dogwood', $1)""",
        SEEN,
    )
    await connection.execute("SELECT setval('firm_id_seq', 10)")
    for firm in (ONE, TWO):
        await insert(connection, "contacts_contact", contacts(firm))
        await insert(connection, "matters_matter", matters(firm))
        user = {
            "firm": firm,
            "clio_id": 500,
            "seen_at": SEEN,
            "name": "Ada",
            "rate": Decimal("250.50"),
            "roles": ["admin"],
        }
        await insert(connection, "users_user", [user])
        await _seed_operations(connection, firm)


async def _seed_operations(connection: "asyncpg.Connection[asyncpg.Record]", firm: int) -> None:
    runs: list[dict[str, Any]] = [
        {"kind": "backfill", "state": "succeeded", "records_total": 12, "records_seen": 12, "finished_at": SEEN},
        {"kind": "incremental", "state": "failed", "error_code": "CLIO_FORBIDDEN", "error_message": "no access"},
    ]
    await insert(
        connection,
        "sync_run",
        [{"firm": firm, "resource": "contact", "created_at": SEEN, "started_at": SEEN, **run} for run in runs],
    )
    endpoint = {
        "firm": firm,
        "resource": "contact",
        "model": "contact",
        "endpoint_key": f"secret key {firm}",
        "state": "enabled",
        "secret": b"sealed",
        "fields": "id",
        "events": json.dumps(["created", "updated"]),
        "created_at": SEEN,
        "updated_at": SEEN,
    }
    await insert(connection, "webhook_endpoint", [endpoint])
    deliveries = [
        {
            "firm": firm,
            "endpoint": firm,
            "resource": "contact",
            "model": "contact",
            "event": "updated",
            "record_clio_id": number,
            "digest": bytes([firm, number]),
            "body": b"never shown",
            "status": "processed" if number < 3 else "dead",
            "outcome": "updated" if number < 3 else None,
            "received_at": SEEN + datetime.timedelta(minutes=number),
        }
        for number in range(1, 5)
    ]
    await insert(connection, "webhook_delivery", deliveries)


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows; all have the columns of the first or fewer."""
    for row in rows:
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
