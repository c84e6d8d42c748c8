"""What is in flight when the process stops is answered, and nobody waits for a connection that will not be used."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import httpx
from asyncpg.transaction import Transaction

from core.registry import Registry
from core.services import Services
from core.testing.api import Api, serving
from core.testing.stack import settings_for
from tests.schema.schema_data import seed

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def wait_until_one_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    async with asyncio.timeout(20):
        while not await connection.fetchval(WAITING):
            pass


async def release_when_closed(idle: asyncio.StreamReader, locked: Transaction) -> None:
    """Let the query go on only once the server has begun to stop, which closes a connection that is not in use."""
    assert await idle.read() == b""
    await locked.rollback()


async def test_a_query_in_flight_is_answered_while_the_server_stops(
    database_url: str, redis_url: str, registry: Registry
) -> None:
    connection = await asyncpg.connect(database_url)
    await seed(connection)
    services = Services(settings_for(database_url, redis_url), registry)
    async with httpx.AsyncClient(timeout=30) as http:
        async with serving(services) as url:
            api = Api(services, f"{url}/graphql", http)
            idle, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
            locked = connection.transaction()
            await locked.start()
            await connection.execute("LOCK TABLE contacts_contact IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(api.query("{ contacts(first: 1) { nodes { clioId } } }"))
            await wait_until_one_waits(connection)
            releasing = asyncio.create_task(release_when_closed(idle, locked))
        await releasing
        assert (await asking).data == {"contacts": {"nodes": [{"clioId": "1"}]}}
        writer.close()
    await connection.close()
