"""Deliveries while PostgreSQL is away: on Redis's disk before they are acknowledged, and in the table afterwards."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from core.db.cipher import Cipher
from core.embedded.servers import EmbeddedServers
from core.metrics.rebuild import rebuild
from core.process import migrate_all
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.webhooks.delivery import write
from core.webhooks.durability import durability
from core.webhooks.inbox import Inbox
from core.webhooks.spill import DRAIN_ERRORS, DRAIN_LOCK, STREAM, STREAM_BYTES, Spill, SpillUnavailable
from tests.webhooks.test_webhooks_inbox import delivery, stored
from tests.webhooks.webhook_scene import Scene, contact_event, hint

FIRM = 1
TURNS = 600


@pytest.fixture
async def durable(services: Services) -> AsyncIterator[None]:
    """A Redis that writes through to disk, as the embedded one of a service does."""
    await services.redis.config_set("appendfsync", "always")
    yield
    await services.redis.config_set("appendfsync", "no")


async def until_empty(services: Services) -> None:
    for _ in range(TURNS):
        if not await services.redis.exists(STREAM):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the stream is not drained")


@pytest.mark.usefixtures("durable")
async def test_while_postgresql_is_away_deliveries_are_taken_and_then_written_as_they_came(scene: Scene) -> None:
    await rebuild(scene.services)
    endpoint = await scene.endpoint(FIRM)
    assert (await scene.post(endpoint, contact_event("updated", 1))).status_code == 200
    await scene.services.database.close()
    for number in range(2, 12):
        answer = await scene.post(endpoint, contact_event("updated", number), headers={"user-agent": "Clio"})
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert await scene.services.redis.xlen(STREAM) == 10
    await scene.services.database.open()
    await until_empty(scene.services)
    rows = sorted(await scene.deliveries(), key=lambda row: row["received_at"])
    assert [row["record_clio_id"] for row in rows] == list(range(1, 12))
    assert {(row["receipts"], row["status"]) for row in rows} == {(1, "received")}
    assert rows[-1]["headers"]["user-agent"] == "Clio"
    assert await scene.services.redis.exists(STREAM_BYTES) == 0
    assert await scene.counted(FIRM) == {("contact.updated", "received"): 11}


@pytest.mark.usefixtures("durable")
async def test_what_was_written_before_the_outage_and_sent_again_in_it_is_one_row(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    body = contact_event("updated", 1)
    assert (await scene.post(endpoint, body)).status_code == 200
    await scene.services.database.close()
    for _ in range(3):
        assert (await scene.post(endpoint, body)).status_code == 200
    await scene.services.database.open()
    await until_empty(scene.services)
    [row] = await scene.deliveries()
    assert row["receipts"] == 4


@pytest.mark.usefixtures("durable")
async def test_what_waits_is_not_readable_in_redis(services: Services) -> None:
    await Spill(services).add([msgspec.structs.replace(delivery(1), body=b"Ines Moreau")])
    [(_, fields)] = await services.redis.xrange(STREAM)
    assert b"Ines" not in fields[b"d"]
    assert int(await services.redis.get(STREAM_BYTES) or 0) == len(fields[b"d"])


@pytest.fixture
async def forgetful(services: Services) -> AsyncIterator[None]:
    """A Redis that keeps nothing on disk."""
    await services.redis.config_set("appendonly", "no")
    yield
    await services.redis.config_set("appendonly", "yes")


@pytest.mark.usefixtures("forgetful")
async def test_a_redis_that_may_forget_keeps_no_delivery(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
    await scene.services.database.close()
    answer = await scene.post(endpoint, hint("updated", 2))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert await scene.services.redis.exists(STREAM) == 0
    await scene.services.database.open()


async def test_what_is_not_on_disk_in_time_is_not_acknowledged(scene: Scene) -> None:
    """By the settings, or by WAITAOF where Redis has it: the server of the tests writes nothing through by itself."""
    endpoint = await scene.endpoint(FIRM)
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
    await scene.services.database.close()
    assert (await scene.post(endpoint, hint("updated", 2))).status_code == 503
    await scene.services.database.open()


@pytest.mark.parametrize(
    ("setting", "value", "before", "is_made_up_for"),
    [
        ("appendfsync", "everysec", "always", True),
        ("no-appendfsync-on-rewrite", "yes", "no", True),
        ("appendonly", "no", "yes", False),
        ("maxmemory-policy", "allkeys-lru", "noeviction", False),
    ],
)
@pytest.mark.usefixtures("durable")
async def test_only_a_redis_that_has_it_on_disk_is_trusted(
    services: Services, setting: str, value: str, before: str, is_made_up_for: bool
) -> None:
    """WAITAOF, which is Redis's from 7.2 on, makes up for when it writes through, and for nothing else."""
    version = (await services.redis.info("server"))["redis_version"].split(".")
    has_waitaof = tuple(map(int, version[:2])) >= (7, 2)
    assert (await durability(services.redis)).by == ("waitaof" if has_waitaof else "always")
    await services.redis.config_set(setting, value)
    try:
        found = await durability(services.redis)
    finally:
        await services.redis.config_set(setting, before)
    assert found.by == ("waitaof" if has_waitaof and is_made_up_for else None)
    assert found.reason


@pytest.mark.usefixtures("durable")
async def test_a_full_stream_takes_no_more_until_it_is_drained(settings: Settings, registry: Registry) -> None:
    small = Services(settings.model_copy(update={"webhook_spill_max_bytes": 1_000}), registry)
    async with small.open():
        spill = Spill(small)
        with pytest.raises(SpillUnavailable):
            await spill.add([delivery(number) for number in range(100)])
        assert await small.redis.exists(STREAM) == 0
        await spill.add([delivery(1)])
        await spill.drain()
        await spill.add([delivery(2)])
        await spill.drain()
        assert len(await stored(small)) == 2


@pytest.mark.usefixtures("durable")
async def test_with_both_away_clio_is_told_to_come_again(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
    await scene.services.database.close()
    there = await _moved(scene.services, port=1)
    answer = await scene.post(endpoint, hint("updated", 2))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    await _moved(scene.services, port=there)
    await scene.services.database.open()


@pytest.mark.usefixtures("durable")
async def test_every_endpoint_is_known_during_an_outage_and_what_is_not_cannot_be_verified(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    async with scene.receiver.running():
        await scene.services.database.close()
        assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
        answer = await scene.http.post("/webhooks/clio/of-nobody", json={})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
        forged = await scene.post(endpoint, hint("updated", 2), headers={"x-hook-signature": "0" * 64})
        assert forged.status_code in {401, 503}
        await scene.services.database.open()
    await until_empty(scene.services)


@pytest.mark.usefixtures("durable")
async def test_a_drainer_that_died_between_commit_and_deletion_leaves_no_second_row(services: Services) -> None:
    spill = Spill(services)
    waiting = [delivery(number) for number in range(10)]
    await spill.add(waiting)
    await write(services.database.intake, waiting)
    assert await spill.drain() == 10
    rows = await stored(services)
    assert {(row["record_clio_id"], row["copy"]) for row in rows} == {(number, 0) for number in range(10)}
    assert len(rows) == 10


@pytest.mark.usefixtures("durable")
async def test_one_drains_at_a_time(services: Services) -> None:
    await Spill(services).add([delivery(number) for number in range(150)])
    async with services.database.pool.acquire() as connection:
        await connection.fetchval("SELECT pg_advisory_lock($1)", DRAIN_LOCK)
        assert await Spill(services).drain() == 0
        await connection.fetchval("SELECT pg_advisory_unlock($1)", DRAIN_LOCK)
    moved = await asyncio.gather(*(Spill(services).drain() for _ in range(4)))
    assert sum(moved) == 150
    assert [row["receipts"] for row in await stored(services)] == [1] * 150
    kept = await services.database.pool.fetch(
        """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE locktype = 'advisory' AND datname = current_database()"""
    )
    assert not kept, "whoever drains next, in whichever session, must find the lock free"


@pytest.mark.usefixtures("durable")
async def test_what_cannot_be_moved_stays_and_holds_up_nothing(services: Services) -> None:
    spill = Spill(services)
    foreign = Cipher({"other": b"k" * 32}).seal(b"{}", purpose="webhook_delivery")
    await services.redis.xadd(STREAM, {"d": foreign})
    await spill.add([delivery(1), msgspec.structs.replace(delivery(2), event="e" * 33), delivery(3)])
    assert await spill.drain() == 2
    assert {row["record_clio_id"] for row in await stored(services)} == {1, 3}
    assert await services.redis.xlen(STREAM) == 2


async def test_acknowledged_deliveries_survive_the_death_of_both_servers(
    tmp_path: Path, settings: Settings, registry: Registry
) -> None:
    async with EmbeddedServers(tmp_path) as own:
        urls = {"database_url": SecretStr(own.database_url), "redis_url": SecretStr(own.redis_url)}
        services = Services(settings.model_copy(update=urls), registry)
        async with services.open():
            await migrate_all(services)
            inbox = Inbox(services)
            async with inbox.running():
                acknowledged: set[int] = set()
                for number in range(300):
                    if number in {50, 150, 250}:
                        await _kill_postgres(own)
                    if number in {120, 200}:
                        await _kill_redis(own)
                    acknowledged |= await _put(inbox, number)
                await _drained(services)
            rows = await stored(services)
    kept = [row["record_clio_id"] for row in rows]
    assert acknowledged <= set(kept)
    assert len(kept) == len(set(kept))
    assert len(acknowledged) > 100


async def _moved(services: Services, *, port: int) -> int:
    """Let Redis be looked for at another port; return the one before."""
    pool = services.redis.connection_pool
    await pool.disconnect()
    pool.reset()  # type: ignore[no-untyped-call]
    before: int = pool.connection_kwargs["port"]
    pool.connection_kwargs["port"] = port
    return before


async def _put(inbox: Inbox, number: int) -> set[int]:
    try:
        await inbox.put(delivery(number))
    except SpillUnavailable:
        return set()
    return {number}


async def _kill_postgres(own: EmbeddedServers) -> None:
    """Kill it as soon as it is there again after the last time."""
    for _ in range(TURNS):
        if (running := own.pids.get("postgres")) is not None:
            os.kill(running, signal.SIGKILL)
            return
        await asyncio.sleep(0.02)
    raise AssertionError("postgres is not started again")


async def _kill_redis(own: EmbeddedServers) -> None:
    killed = own.pids.get("redis")
    if killed is not None:
        os.kill(killed, signal.SIGKILL)


async def _drained(services: Services) -> None:
    """Wait until both servers are back and nothing waits in Redis any more."""
    for _ in range(TURNS):
        try:
            await services.database.pool.fetchval("SELECT 1")
            if not await services.redis.exists(STREAM):
                return
        except (*DRAIN_ERRORS, RedisError):
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the servers do not come back")
