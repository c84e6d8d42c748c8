"""Which deliveries are one and the same: the same body at the same endpoint, for as long as Clio may send it again."""

import asyncio
import datetime

import msgspec

from core.services import Services
from core.webhooks.delivery import SAME_WITHIN_S, Delivery, write
from tests.webhooks.test_webhooks_inbox import delivery, stored

NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)
CLIO_RETRIES_S = (2 + 4 + 8 + 16 + 32) * 60


def later(seconds: float, number: int = 1) -> Delivery:
    return msgspec.structs.replace(delivery(number), received_at=NOON + datetime.timedelta(seconds=seconds))


async def test_clios_last_retry_is_the_same_delivery_and_what_comes_after_is_another(services: Services) -> None:
    for seconds in (0, CLIO_RETRIES_S, SAME_WITHIN_S, SAME_WITHIN_S + 1, SAME_WITHIN_S + 1 + CLIO_RETRIES_S):
        await write(services.database.intake, [later(seconds)])
    rows = await stored(services)
    assert [(row["copy"], row["receipts"]) for row in rows] == [(0, 3), (1, 2)]
    assert rows[1]["received_at"] - rows[0]["received_at"] == datetime.timedelta(seconds=SAME_WITHIN_S + 1)


async def test_processes_that_write_the_same_copy_at_once_write_one_row(services: Services) -> None:
    await write(services.database.intake, [later(0, number) for number in range(20)])
    others = [Services(services.settings, services.registry) for _ in range(3)]
    for other in others:
        await other.database.open()
    try:
        batch = [later(SAME_WITHIN_S + 60, number) for number in range(20)]
        await asyncio.gather(*(write(other.database.intake, batch) for other in others for _ in range(4)))
    finally:
        for other in others:
            await other.database.close()
    rows = await stored(services)
    assert sorted((row["copy"], row["receipts"]) for row in rows) == [(0, 1)] * 20 + [(1, 12)] * 20


async def test_an_older_receipt_that_is_written_late_is_the_same_delivery(services: Services) -> None:
    for seconds in (SAME_WITHIN_S * 2, 0):
        await write(services.database.intake, [later(seconds)])
    assert [(row["copy"], row["receipts"]) for row in await stored(services)] == [(0, 2)]


async def test_a_row_opened_anew_is_still_the_one_that_is_counted_on(services: Services) -> None:
    """A replay changes the row it replays, and makes none: what Clio sends again meanwhile finds it."""
    await write(services.database.intake, [later(0)])
    await services.database.pool.execute("UPDATE webhook_delivery SET status = 'received', attempts = 0")
    await write(services.database.intake, [later(60)])
    [row] = await stored(services)
    assert (row["status"], row["receipts"]) == ("received", 2)
