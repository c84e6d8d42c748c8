"""The inbox: one statement for all that wait, and to each sender its own outcome."""

import asyncio
import datetime
import hashlib
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from core.services import Services
from core.webhooks.delivery import Delivery
from core.webhooks.inbox import DeliveryRefused, Inbox, InboxFull
from core.webhooks.spill import SpillUnavailable


def delivery(number: int, *, event: str = "updated") -> Delivery:
    body = str(number).encode()
    return Delivery(
        endpoint=1,
        firm=1,
        resource="contact",
        model="contact",
        event=event,
        record_clio_id=number,
        digest=hashlib.sha256(body).digest(),
        body=body,
        received_at=datetime.datetime.now(datetime.UTC),
    )


class Wakes:
    """Counts wake-ups, each of which may fail."""

    def __init__(self, *, fail: bool = False) -> None:
        self.count = 0
        self._fail = fail

    async def __call__(self) -> None:
        self.count += 1
        if self._fail:
            raise RedisConnectionError("away")


async def opened(services: Services, wake: Callable[[], Awaitable[None]], *, waiting_max: int = 10_000) -> Inbox:
    inbox = Inbox(services, wake=wake, waiting_max=waiting_max)
    await inbox.start()
    return inbox


async def stored(services: Services) -> list[asyncpg.Record]:
    return await services.database.pool.fetch("SELECT * FROM webhook_delivery ORDER BY id")


async def test_a_bad_row_fails_alone(services: Services) -> None:
    inbox = await opened(services, Wakes())
    bad = {3: "e" * 33, 7: "nul\0"}
    outcomes = await asyncio.gather(
        *(inbox.put(delivery(number, event=bad.get(number, "updated"))) for number in range(10)),
        return_exceptions=True,
    )
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [3, 7]
    assert all(isinstance(outcomes[number], DeliveryRefused) for number in bad)
    assert {row["record_clio_id"] for row in await stored(services)} == set(range(10)) - set(bad)
    await inbox.stop()


async def test_the_same_delivery_within_one_batch_and_across_batches_is_one_row(services: Services) -> None:
    inbox = await opened(services, Wakes())
    for _ in range(2):
        await asyncio.gather(*(inbox.put(delivery(number % 3)) for number in range(30)))
    assert [row["receipts"] for row in await stored(services)] == [20, 20, 20]
    await inbox.stop()


async def test_a_full_inbox_refuses_and_takes_again_when_drained(services: Services) -> None:
    inbox = await opened(services, Wakes(), waiting_max=5)
    outcomes = await asyncio.gather(*(inbox.put(delivery(number)) for number in range(9)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 5 + [InboxFull] * 4
    await inbox.put(delivery(9))
    assert len(await stored(services)) == 6
    await inbox.stop()


async def test_stop_settles_what_was_taken_and_takes_no_more(services: Services) -> None:
    wakes = Wakes()
    inbox = await opened(services, wakes)
    waiting = [asyncio.create_task(inbox.put(delivery(number))) for number in range(50)]
    await asyncio.sleep(0)
    await inbox.stop()
    assert all(task.done() and task.exception() is None for task in waiting)
    assert len(await stored(services)) == 50
    assert wakes.count >= 1
    with pytest.raises(InboxFull):
        await inbox.put(delivery(99))


async def test_a_lost_connection_fails_every_waiting_sender(services: Services) -> None:
    inbox = await opened(services, Wakes())
    await services.database.close()
    outcomes = await asyncio.gather(*(inbox.put(delivery(number)) for number in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {SpillUnavailable}
    await services.database.open()
    await inbox.put(delivery(1))
    await inbox.stop()


async def test_backends_killed_under_load_leave_no_sender_waiting(services: Services) -> None:
    inbox = await opened(services, Wakes())
    senders = [asyncio.create_task(inbox.put(delivery(number))) for number in range(2000)]
    await asyncio.sleep(0)
    await services.database.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = current_user AND pid <> pg_backend_pid()"
    )
    outcomes = await asyncio.gather(*senders, return_exceptions=True)
    kept = {row["record_clio_id"] for row in await stored(services)}
    acknowledged = {number for number, outcome in enumerate(outcomes) if outcome is None}
    assert acknowledged <= kept
    assert {type(outcome) for outcome in outcomes} <= {type(None), SpillUnavailable}
    await inbox.stop()


async def test_workers_that_cannot_be_woken_cost_no_delivery(services: Services) -> None:
    wakes = Wakes(fail=True)
    inbox = await opened(services, wakes)
    for number in range(3):
        await inbox.put(delivery(number))
    await inbox.stop()
    assert len(await stored(services)) == 3
    assert wakes.count >= 1
