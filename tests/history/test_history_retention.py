"""Retention: whole months go, the chain still verifies, and a legal hold keeps everything."""

import asyncio
import datetime

import asyncpg
import pytest

from core.errors import BadInput, NotFound
from core.history import holds, partitions, retention, sealing
from core.history.chain import COLUMNS
from core.services import Services
from core.webhooks.retention import delete_settled
from tests.history.past import ONE, TWO, Past, months_ago

WHY = "for the test"


async def aged(past: Past, *, firms: tuple[int, ...] = (ONE, TWO)) -> None:
    """Two years of partitions; three changes of each firm in each of four of their months, and now."""
    await past.by_month(24)
    for count in (20, 14, 13, 3):
        for firm in firms:
            await past.write(3, firm=firm, at=months_ago(count))
        await past.seal()
    for firm in firms:
        await past.write(3, firm=firm)
    await past.seal()


async def purge(past: Past, days: int = 365, **options: object) -> retention.Purged:
    return await retention.purge(past.services, keep_days=days, reason=WHY, **options)  # type: ignore[arg-type]


async def test_what_is_past_its_days_goes_by_whole_partitions_and_the_rest_verifies(past: Past) -> None:
    await aged(past)
    before = await past.partitions()
    done = await purge(past)
    assert (done.firms, done.changes, done.deleted) == (2, 18, 0)
    cutoff = retention.cutoff(365, datetime.datetime.now(datetime.UTC))
    assert list(done.dropped) == [name for name in before if name < f"change_{cutoff:%Y_%m}"]
    assert await past.partitions() == before[len(done.dropped) :]
    assert len(done.dropped) in {12, 13}
    assert min(change["recorded_at"] for change in await past.changes()) >= cutoff
    for firm in (ONE, TWO):
        verdict = await past.verify(firm)
        assert (verdict.changes, verdict.broken, len(await past.changes(firm))) == (6, 0, 6)
    assert (await past.links())[-1]["reason"] == WHY
    assert await purge(past) == retention.Purged()


async def test_the_horizon_moves_with_the_purge_and_only_of_a_firm_that_lost_something(past: Past) -> None:
    await aged(past, firms=(ONE,))
    await past.write(1, firm=TWO)
    await past.seal()
    await purge(past)
    horizons = await past.pool.fetch("SELECT history_from_at FROM firm ORDER BY id")
    cutoff = retention.cutoff(365, datetime.datetime.now(datetime.UTC))
    assert [row["history_from_at"] for row in horizons] == [cutoff, None]


async def test_what_is_kept_for_ever_is_kept(past: Past) -> None:
    await aged(past)
    assert await retention.purge_expired(past.services) == retention.Purged()
    assert len(await past.changes()) == 15


async def test_the_setting_is_what_the_worker_purges_by(past: Past) -> None:
    await aged(past)
    limited = Services(past.services.settings.model_copy(update={"history_keep_days": 60}), past.services.registry)
    async with limited.open():
        done = await retention.purge_expired(limited)
    assert done.changes == 24
    assert (await past.links())[-1]["reason"] == "HISTORY_KEEP_DAYS=60"


async def test_what_is_not_sealed_yet_is_not_purged(past: Past) -> None:
    await past.by_month(24)
    await past.write(3, at=months_ago(20))
    done = await purge(past)
    assert (done.firms, done.changes) == (0, 0)
    assert len(done.dropped) in {11, 12}
    assert f"change_{months_ago(20):%Y_%m}" not in done.dropped
    assert len(await past.changes()) == 3
    await past.seal()
    assert (await purge(past)).changes == 3
    assert await past.changes() == []
    assert (await past.verify()).broken == 0


async def test_a_hold_keeps_a_firm_and_its_release_lets_go(past: Past) -> None:
    await aged(past)
    hold = await holds.place_hold(past.services, ONE, reason="Doe v. Roe", by="counsel")
    other = await holds.place_hold(past.services, ONE, reason="Poe v. Roe", by="counsel")
    done = await purge(past, batch=2)
    assert (done.firms, done.changes) == (1, 9)
    assert done.deleted == 9
    assert (len(await past.changes(ONE)), len(await past.changes(TWO))) == (15, 6)
    assert [await past.flaws(firm) for firm in (ONE, TWO)] == [[], []]
    await holds.release_hold(past.services, hold, reason="settled", by="counsel")
    assert (await purge(past)).changes == 0
    await holds.release_hold(past.services, other, reason="settled", by="counsel")
    done = await purge(past)
    assert (done.firms, done.changes, done.deleted) == (1, 9, 0)
    assert len(await past.changes(ONE)) == 6
    assert await past.flaws() == []
    assert len(await holds.list_holds(past.services, ONE, released=True)) == 2
    assert await holds.list_holds(past.services) == []


async def test_a_hold_placed_between_marking_and_deleting_keeps_what_is_left(past: Past) -> None:
    await aged(past, firms=(ONE,))
    before = retention.cutoff(365, datetime.datetime.now(datetime.UTC))
    assert await retention._mark(past.services, ONE, before, WHY) == 9
    await holds.place_hold(past.services, ONE, reason="Doe v. Roe", by="counsel")
    await purge(past)
    assert len(await past.changes()) == 15
    assert (await past.verify()).broken == 0


async def test_a_purge_cut_off_after_its_mark_is_finished_by_the_next(past: Past) -> None:
    await aged(past, firms=(ONE,))
    before = retention.cutoff(365, datetime.datetime.now(datetime.UTC))
    await retention._mark(past.services, ONE, before, WHY)
    assert (await past.verify()).broken == 0
    await purge(past)
    assert len(await past.changes()) == 6


async def test_holds_are_links_of_the_chain(past: Past) -> None:
    hold = await holds.place_hold(past.services, ONE, reason="Doe v. Roe", by="counsel")
    await holds.release_hold(past.services, hold, reason="settled", by="judge")
    assert [(link["kind"], link["reason"]) for link in await past.links()] == [
        ("hold", f"hold {hold} by counsel: Doe v. Roe"),
        ("release", f"hold {hold} by judge: settled"),
    ]
    assert await past.flaws() == []
    await past.pool.execute("DELETE FROM history_seal WHERE kind = 'hold'")
    assert await past.flaws() == [(2, "missing_seal")]


async def test_a_hold_needs_a_firm_and_a_reason_and_is_released_once(past: Past) -> None:
    with pytest.raises(NotFound):
        await holds.place_hold(past.services, 99, reason="x", by="y")
    with pytest.raises(BadInput, match="reason"):
        await holds.place_hold(past.services, ONE, reason="  ", by="y")
    with pytest.raises(NotFound):
        await holds.release_hold(past.services, 99, reason="x", by="y")
    hold = await holds.place_hold(past.services, ONE, reason="x", by="y")
    await holds.release_hold(past.services, hold, reason="x", by="y")
    with pytest.raises(BadInput, match="was released at"):
        await holds.release_hold(past.services, hold, reason="x", by="y")


async def test_a_hold_keeps_raw_deliveries(past: Past) -> None:
    await past.pool.execute(
        """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body, status, received_at,
            processed_at)
        SELECT firm, firm, 'contact', 'contact', 'updated', decode(lpad(n::text, 8, '0'), 'hex'), '', 'processed',
            now() - interval '200 days', now() - interval '200 days' + n * interval '1 s'
        FROM generate_series(1, 2) AS firm, generate_series(1, 450) AS n"""
    )
    await past.pool.execute("UPDATE webhook_delivery SET received_at = now() WHERE digest = decode('00000450', 'hex')")
    hold = await holds.place_hold(past.services, ONE, reason="x", by="y")
    count = "SELECT count(*) FROM webhook_delivery WHERE firm = $1"
    assert await delete_settled(past.services) == 449
    assert [await past.pool.fetchval(count, firm) for firm in (ONE, TWO)] == [450, 1]
    await holds.release_hold(past.services, hold, reason="x", by="y")
    assert await delete_settled(past.services) == 449


async def test_what_was_there_before_the_partitions_is_deleted_from_the_first(past: Past) -> None:
    await past.write(5, at=months_ago(20))
    await past.write(3)
    await past.seal()
    done = await purge(past, batch=2)
    assert (done.changes, done.deleted, done.dropped) == (5, 5, ())
    assert len(await past.changes()) == 3
    assert await past.flaws() == []


FORGERIES = {
    "a purge that the service did not make": "purge",
    "a purge that says more than it did": "more",
    "changes and links that are gone without a purge": "silent",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_purge_shows(past: Past, forgery: str) -> None:
    await aged(past)
    links = await past.links()
    if FORGERIES[forgery] == "more":
        await purge(past)
        await past.pool.execute("DELETE FROM history_seal WHERE firm = 1 AND number = 4")
        await past.pool.execute("UPDATE history_seal SET purged_through = 4 WHERE firm = 1 AND kind = 'purge'")
        flaws = {"altered_seal"}
    else:
        columns = ", ".join(COLUMNS)
        if FORGERIES[forgery] == "purge":
            await past.pool.execute(
                f"""INSERT INTO history_seal ({columns})
                SELECT firm, number + 1, 'purge', until_committed_in, until_id, 3, NULL, NULL, $1, $2, $3, 'x', now(),
                    hash, sha256(hash), key_id, mac
                FROM history_seal WHERE firm = 1 ORDER BY number DESC LIMIT 1""",
                *(links[0]["number"], links[0]["until_committed_in"], links[0]["until_id"]),
            )
        await past.pool.execute(
            "DELETE FROM change WHERE firm = 1 AND (committed_in, id) <= ($1, $2)",
            *(links[0]["until_committed_in"], links[0]["until_id"]),
        )
        await past.pool.execute("DELETE FROM history_seal WHERE firm = 1 AND number = 1")
        flaws = {"altered_seal", "broken_mac"} if FORGERIES[forgery] == "purge" else {"missing_seal"}
    assert {flaw for _, flaw in await past.flaws()} >= flaws
    assert await past.flaws(TWO) == []


async def test_partitions_are_made_ahead_once(past: Past) -> None:
    names = await past.partitions()
    assert names[-1] == "change_rest"
    assert len(names) == 5
    made = await asyncio.gather(*(partitions.make_ahead(past.services, months=14) for _ in range(3)))
    added = [name for name in await past.partitions() if name not in names]
    assert sorted(name for each in made for name in each) == added
    assert len(await past.partitions()) == 16
    assert await partitions.make_ahead(past.services) == []


async def test_what_waited_in_the_rest_moves_to_its_month_unchanged(past: Past) -> None:
    later = months_ago(-7)
    await past.write(5, at=later)
    await past.seal()
    assert await past.pool.fetchval("SELECT count(*) FROM change_rest") == 5
    await partitions.make_ahead(past.services, months=8)
    assert await past.pool.fetchval("SELECT count(*) FROM change_rest") == 0
    assert await past.pool.fetchval(f"SELECT count(*) FROM change_{later:%Y_%m}") == 5
    assert (await past.verify()).changes == 5
    assert await past.flaws() == []


async def test_a_partition_in_use_is_left_for_the_next_turn(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_S", 0.05)
    await aged(past, firms=(ONE,))
    async with past.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT count(*) FROM change")
        assert (await purge(past)).dropped == ()
        assert await partitions.make_ahead(past.services, months=5) == []
        await transaction.rollback()
    assert len((await purge(past)).dropped) >= 12
    assert len(await partitions.make_ahead(past.services, months=5)) == 2
    assert await past.flaws() == []


async def test_sealing_goes_on_where_everything_was_purged(past: Past) -> None:
    await past.by_month(24)
    await past.write(3, at=months_ago(20))
    await past.seal()
    await purge(past)
    assert [link["kind"] for link in await past.links()] == ["purge"]
    await past.write(2, at=months_ago(19))
    assert (await past.seal()) == sealing.Sealed(2, 1)
    assert await past.flaws() == []
    await purge(past)
    assert (await past.verify()).changes == 0
    assert await past.flaws() == []


async def test_a_number_that_is_there_is_refused_whoever_adds_it(past: Past) -> None:
    await past.write(1)
    await past.seal()
    with pytest.raises(asyncpg.UniqueViolationError):
        await past.pool.execute(
            f"INSERT INTO history_seal ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM history_seal"
        )
