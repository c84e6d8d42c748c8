"""What is counted while it happens, and counted anew from the log: the same, whatever becomes of Redis."""

import asyncio
import contextlib
import datetime
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from core.embedded.servers import EmbeddedServers
from core.metrics import rebuild as rebuilding
from core.metrics.epochs import LOCK_KEY, MARKER_KEY, SLOT_S, read_epoch, slot_of
from core.metrics.figures import is_in_log
from core.metrics.keys import DAY, PREFIX, RESOLUTIONS, Entry
from core.metrics.queries import Report, latest, read_report
from core.metrics.rebuild import READ_AT_ONCE, SENT_AT_ONCE, rebuild, rebuild_if_lost
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.webhooks import claims
from core.webhooks.delivery import Delivery
from core.webhooks.failures import Failure
from core.webhooks.inbox import Inbox
from core.webhooks.replay import reopen

FIRM = 1

pytestmark = pytest.mark.usefixtures("epoch")


@pytest.fixture
async def epoch(services: Services) -> None:
    """Figures that were counted once, of an empty log."""
    assert await rebuild(services) == 0


@contextlib.asynccontextmanager
async def inbox_of(services: Services) -> AsyncIterator[Inbox]:
    inbox = Inbox(services)
    async with inbox.running():
        yield inbox


def delivery(number: int, *, minutes_ago: float = 0.0, firm: int = FIRM, model: str = "activity") -> Delivery:
    body = {"data": {"id": number, "user": {"id": 500 + number % 2}}, "meta": {"event": "updated", "webhook_id": 7}}
    return Delivery(
        endpoint=firm,
        firm=firm,
        resource=model,
        model=model,
        event="updated",
        record_clio_id=number,
        digest=number.to_bytes(32, "big"),
        body=json.dumps(body).encode(),
        received_at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago),
    )


async def told(services: Services) -> dict[str, list[Entry]]:
    """Every figure that is kept of the last days, at each resolution."""
    assert await services.webhook_recorder.flush()
    found: dict[str, list[Entry]] = {}
    for resolution in RESOLUTIONS:
        report = await read_report(services.redis, None, None, latest(resolution, 2 * 86_400, now=time.time()))
        found[resolution.name] = sorted(report.entries, key=str)
    return found


async def live_through(services: Services) -> None:
    """Receive, repeat, fail, try again, give up and process, some of it days ago."""
    async with inbox_of(services) as inbox:
        for number in range(1, 41):
            await inbox.put(delivery(number, minutes_ago=number * 40))
        for number in (3, 3, 4):
            await inbox.put(delivery(number, minutes_ago=number * 40 - 1))
        same = [inbox.put(delivery(50)) for _ in range(4)]
        await asyncio.gather(*same)
        await inbox.put(delivery(60, firm=2, model="contact"))
    await settle(services, 42, failed())
    await settle(services, 10, failed(delay_s=3600.0))
    await settle(services, 6, failed("dead"))
    await settle(services, 4, failed(counts=False, delay_s=3600.0))
    await settle(services, 20)


def failed(status: Literal["failed", "dead"] = "failed", *, counts: bool = True, delay_s: float = 0.0) -> Failure:
    return Failure(status=status, code="X", message="x", counts=counts, delay_s=delay_s)


async def settle(services: Services, many: int, failure: Failure | None = None) -> None:
    """Claim some deliveries and let all of them fail, or be processed."""
    claimed: list[claims.Claimed] = []
    while len(claimed) < many:  # firms take turns, so one claim may take less than there is
        taken = await claims.claim(services.database, batch=many - len(claimed), lease_s=30)
        assert taken
        claimed += taken
    async with services.database.transaction() as connection:
        if failure is None:
            settled = await claims.finish(connection, claimed, "updated")
        else:
            settled = await claims.fail(connection, claimed, failure)
    for each in settled:
        services.webhook_recorder.settled(
            *(each.firm, each.model, each.event, each.body, each.received_at.timestamp()),
            status=failure.status if failure else "processed",
            took_s=each.took_s,
            attempt=each.attempt,
            counts=failure.counts if failure else True,
        )


async def report_of(services: Services, resolution: Any = DAY) -> Report:
    assert await services.webhook_recorder.flush()
    return await read_report(services.redis, [FIRM, 2], None, latest(resolution, 2 * 86_400, now=time.time()))


async def test_what_happened_is_counted(services: Services) -> None:
    await live_through(services)
    report = await report_of(services)
    total = report.total()
    assert (total.received, total.duplicates) == (42, 6)
    assert (total.processed, total.dead, total.pending) == (20, 6, 16)
    assert (total.failures, total.retries) == (42 + 10 + 6, 10 + 6 + 20)
    assert total.success_rate == 20 / 26
    assert (total.end_to_end.count, total.ingest.count) == (20, 42)
    size = await services.database.pool.fetchval("SELECT sum(receipts * octet_length(body)) FROM webhook_delivery")
    assert total.body_bytes == size
    assert {user: each.received for user, each in report.by(lambda entry: entry.user).items()} == {500: 22, 501: 20}
    assert {model: each.received for model, each in report.by(lambda entry: entry.model).items()} == {
        "activity": 41,
        "contact": 1,
    }


async def test_figures_are_in_the_minute_hour_and_day_of_the_first_receipt(services: Services) -> None:
    """Whenever they reach Redis, and at every resolution alike."""
    await live_through(services)
    rows = await services.database.pool.fetch("SELECT received_at, receipts FROM webhook_delivery")
    for resolution in RESOLUTIONS:
        expected: dict[int, tuple[int, int]] = {}
        for row in rows:
            at = int(row["received_at"].timestamp()) // resolution.bucket_s * resolution.bucket_s
            received, duplicates = expected.get(at, (0, 0))
            expected[at] = (received + 1, duplicates + row["receipts"] - 1)
        found = (await report_of(services, resolution)).by(lambda entry: entry.at)
        assert {at: (each.received, each.duplicates) for at, each in found.items()} == expected


async def test_a_redis_that_lost_everything_has_the_same_figures_again(services: Services) -> None:
    await live_through(services)
    before = logged(await told(services))
    await services.redis.flushall()
    assert logged(await told(services)) == {each.name: [] for each in RESOLUTIONS}
    assert await rebuild_if_lost(services)
    assert logged(await told(services)) == before
    assert not await rebuild_if_lost(services)


async def test_a_replay_takes_back_what_was_counted_of_earlier_attempts(services: Services) -> None:
    """How long a replayed delivery takes counts from the replay, live and from the log."""
    await live_through(services)
    ids = [row["id"] for row in await services.database.pool.fetch("SELECT id FROM webhook_delivery")]
    assert await reopen(services, ids, delay_s=0) == 42
    opened = (await report_of(services)).total()
    assert (opened.received, opened.duplicates, opened.pending) == (42, 6, 42)
    assert (opened.processed, opened.dead, opened.failures, opened.retries) == (0, 0, 0, 0)
    assert (opened.end_to_end.count, opened.ingest.count) == (0, 42)
    await settle(services, 12)
    again = (await report_of(services)).total()
    assert again.processed == 12
    longest_s = again.end_to_end.quantile(1)
    assert longest_s is not None
    assert longest_s < 60
    assert await reopen(services, ids[:30], delay_s=0) < 30
    before = logged(await told(services))
    assert await rebuild(services) == 42
    assert logged(await told(services)) == {
        name: [each for each in entries if each.amount] for name, entries in before.items()
    }


async def test_counting_anew_keeps_what_the_log_does_not_hold(services: Services) -> None:
    await live_through(services)
    services.webhook_recorder.forged(FIRM, "activity")
    before = await told(services)
    first = await read_epoch(services.redis)
    assert await rebuild(services) == 42
    assert await told(services) == before
    second = await read_epoch(services.redis)
    assert first is not None
    assert second is not None
    assert first.name != second.name
    assert await services.redis.keys(f"{PREFIX}{first.name}:*") == []


async def test_what_is_counted_while_the_log_is_counted_is_counted_once(services: Services) -> None:
    """Some of it is not sent yet when Redis loses everything.

    What is committed before the end of a slot and counted after it, as little as can be, the cut may come between.
    """
    async with inbox_of(services) as inbox:
        await inbox.put(delivery(1))
        await services.redis.flushall()
        counting = asyncio.create_task(rebuild(services))
        number, doubtful = 1, 0
        while not counting.done():
            if not 0.03 < time.time() % SLOT_S < 0.07:
                await asyncio.sleep(0.001)
                continue
            number += 1
            slot = slot_of(time.time())
            await inbox.put(delivery(number))
            doubtful += slot_of(time.time()) != slot
    assert number <= (await report_of(services)).total().received <= number + doubtful


async def test_a_restarted_redis_is_known_by_its_run(services: Services) -> None:
    await live_through(services)
    before = logged(await told(services))
    await services.redis.hset(MARKER_KEY, "redis_run", "another")  # type: ignore[misc]
    assert await rebuild_if_lost(services)
    assert logged(await told(services)) == before


async def test_one_of_several_workers_counts_anew(services: Services) -> None:
    await live_through(services)
    before = logged(await told(services))
    await services.redis.flushall()
    assert sorted(await asyncio.gather(*(rebuild_if_lost(services) for _ in range(4)))) == [False] * 3 + [True]
    assert logged(await told(services)) == before
    assert await services.redis.get(LOCK_KEY) is None


async def test_a_long_log_is_counted_to_its_end(services: Services) -> None:
    await services.database.pool.execute(
        """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body, received_at)
           SELECT $1, 1, 'matter', 'matter', 'updated', int4send(n), '{}', now() - make_interval(mins => n)
           FROM generate_series(1, $2) AS n""",
        FIRM,
        SENT_AT_ONCE + READ_AT_ONCE,
    )
    assert await rebuild(services) == SENT_AT_ONCE + READ_AT_ONCE
    assert (await report_of(services)).total().received == SENT_AT_ONCE + READ_AT_ONCE


async def test_the_lock_is_kept_for_as_long_as_the_log_is_read(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "LOCK_S", 2)
    async with services.database.transaction() as connection:
        await connection.execute("LOCK TABLE webhook_delivery")
        task = asyncio.create_task(rebuild(services))
        await asyncio.sleep(3)
        assert await services.redis.get(LOCK_KEY) is not None
        assert not task.done()
    assert await task == 0


async def test_a_rebuild_whose_worker_died_is_begun_again(services: Services) -> None:
    await live_through(services)
    before = logged(await told(services))
    await services.redis.hdel(MARKER_KEY, "counted_at")  # type: ignore[misc]
    await services.redis.set(LOCK_KEY, "of a worker that is at it")
    assert not await rebuild_if_lost(services)
    await services.redis.delete(LOCK_KEY)
    assert await rebuild_if_lost(services)
    assert logged(await told(services)) == before


async def test_a_redis_that_is_killed_has_the_same_figures_again(
    settings: Settings, registry: Registry, tmp_path: Path
) -> None:
    async with EmbeddedServers(tmp_path / "redis", postgres=False) as own:
        services = Services(settings.model_copy(update={"redis_url": SecretStr(own.redis_url)}), registry)
        async with services.open(), inbox_of(services) as inbox:
            await rebuild(services)
            await live_through(services)
            assert await services.webhook_recorder.flush()
            os.kill(own.pids["redis"], signal.SIGKILL)
            for number in (101, 102):
                await inbox.put(delivery(number))
            await until_back(services)
            assert await rebuild_if_lost(services)
            found = logged(await told(services))
            assert (await report_of(services)).total().received == 44
            assert await rebuild(services) == 44
            assert logged(await told(services)) == found


async def until_back(services: Services) -> None:
    """Wait until Redis answers again."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RedisError, OSError):
                await services.redis.ping()
                return
            await asyncio.sleep(0.05)


def logged(figures: dict[str, list[Entry]]) -> dict[str, list[Entry]]:
    """Leave out what the log does not hold."""
    return {name: [each for each in entries if is_in_log(each.measure)] for name, entries in figures.items()}
