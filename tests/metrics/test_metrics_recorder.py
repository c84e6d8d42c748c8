"""The recorder: several processes, a Redis that comes and goes, and answers that are not heard."""

import asyncio
import datetime
import time
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.metrics import recorder as recording
from core.metrics.adding import MOST_FIELDS, add_hashes
from core.metrics.epochs import MARKER_KEY, read_epoch
from core.metrics.figures import Figures
from core.metrics.histograms import bucket_of
from core.metrics.keys import DAY, HOUR, MINUTE, PREFIX, RESOLUTIONS, hash_key, spread
from core.metrics.queries import latest, read_report
from core.metrics.recorder import WebhookRecorder
from core.metrics.users import read_user

FIRM = 1
BODY = b'{"data":{"id":1,"user":{"id":7}},"meta":{"event":"updated"}}'
ALL_DAYS = 50 * 86_400


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as made:
        await begin(made, "first")
        yield made


async def begin(client: redis.asyncio.Redis, name: str, *, cut: int = 0) -> None:
    await client.hset(MARKER_KEY, mapping={"epoch": name, "cut": cut, "redis_run": "r"})  # type: ignore[misc]


def receive(recorder: WebhookRecorder, *, minutes_ago: float = 0, ingest_s: float = 0.01, firm: int = FIRM) -> None:
    received_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes_ago)
    recorder.received(firm, "activity", "updated", BODY, received_at.timestamp(), ingest_s=ingest_s)


async def total(client: redis.asyncio.Redis) -> Figures:
    return (await read_report(client, None, None, latest(DAY, ALL_DAYS, now=time.time()))).total()


@given(processes=st.lists(st.lists(st.floats(1e-5, 1e4), max_size=20), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_several_processes_count_at_once_is_what_one_would(
    client: redis.asyncio.Redis, processes: list[list[float]]
) -> None:
    await client.flushall()
    await begin(client, "first")
    single = Figures()
    recorders = [WebhookRecorder(lambda: client) for _ in processes]
    for recorder, durations in zip(recorders, processes, strict=True):
        for ingest_s in durations:
            receive(recorder, ingest_s=ingest_s)
            single.received += 1
            single.body_bytes += len(BODY)
            single.ingest.add(bucket_of(ingest_s))
    await asyncio.gather(*(recorder.close() for recorder in recorders))
    assert dict((await total(client)).measures()) == dict(single.measures())


async def test_what_is_counted_is_sent_without_being_asked(client: redis.asyncio.Redis) -> None:
    recorder = WebhookRecorder(lambda: client)
    receive(recorder)
    while (await total(client)).received == 0:  # noqa: ASYNC110 - the recorder has no event to wait for
        await asyncio.sleep(0.01)
    await recorder.close()


async def test_an_answer_that_is_not_heard_adds_nothing_twice(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add_and_break(*given: object, **named: object) -> bool:
        await add_hashes(*given, **named)  # type: ignore[arg-type]
        raise redis.exceptions.ConnectionError

    recorder = WebhookRecorder(lambda: client)
    receive(recorder)
    with monkeypatch.context() as patched:
        patched.setattr(recording, "add_hashes", add_and_break)
        assert not await recorder.flush()
    receive(recorder)
    await recorder.close()
    found = await total(client)
    assert (found.received, found.ingest.count) == (2, 2)


async def test_a_redis_that_is_away_gets_everything_when_it_is_back(client: redis.asyncio.Redis) -> None:
    away = redis.asyncio.Redis(port=1)
    connections = [away]
    recorder = WebhookRecorder(lambda: connections[-1])
    for minutes_ago in (0, 5, 90):
        receive(recorder, minutes_ago=minutes_ago)
        assert not await recorder.flush()
    connections.append(client)
    await recorder.close()
    report = await read_report(client, [FIRM], None, latest(MINUTE, 2 * 3600, now=time.time()))
    ages = sorted(round((time.time() - at) / 60) for at in report.by(lambda entry: entry.at))
    assert [age - ages[0] for age in ages] == [0, 5, 90]
    await away.aclose()


async def test_what_does_not_fit_is_dropped_and_has_the_log_counted_anew(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_CELLS", 10)
    await client.delete(MARKER_KEY)
    recorder = WebhookRecorder(lambda: client)
    for firm in range(1, 12):
        receive(recorder, firm=firm)
    assert not await recorder.flush()
    await begin(client, "second")
    await recorder.close()
    assert await recorder.flush()
    assert await read_epoch(client) is None


async def test_what_was_counted_before_the_cut_of_an_epoch_is_not_added_to_it(client: redis.asyncio.Redis) -> None:
    now = [1000.0]
    recorder = WebhookRecorder(lambda: client, clock=lambda: now[0])
    receive(recorder)
    assert await recorder.flush()
    for now[0] in (1002.9, 1003.0):
        receive(recorder)
    await client.flushall()
    assert not await recorder.flush()
    receive(recorder)
    await begin(client, "second", cut=10030)
    await recorder.close()
    found = await total(client)
    assert found.received == 2
    assert found.ingest.count == 3


async def test_what_no_log_holds_is_added_once_however_long_an_epoch_is_missing(client: redis.asyncio.Redis) -> None:
    await client.delete(MARKER_KEY)
    recorder = WebhookRecorder(lambda: client)
    recorder.forged(FIRM, "activity")
    assert not await recorder.flush()
    await client.delete(*await client.keys(f"{PREFIX}added:*"))  # as they are after REMEMBERED_S
    await begin(client, "second")
    await recorder.close()
    assert (await total(client)).forged == 1


async def test_each_resolution_is_kept_for_its_time_and_what_is_older_is_not_written(
    client: redis.asyncio.Redis,
) -> None:
    now = 1_800_000_000
    for age_s, kept in ((3600, {MINUTE, HOUR, DAY}), (3 * 86_400, {HOUR, DAY}), (90 * 86_400, {DAY})):
        figures = Figures()
        figures.received = 1
        hashes = spread({(FIRM, "contact", "updated", None, (now - age_s) // 60): figures}, now=now, epoch="e")
        assert set(hashes) == {hash_key("e", each, FIRM, now - age_s) for each in kept}
    assert {each.name: each.keep_s // 86_400 for each in RESOLUTIONS} == {"minute": 2, "hour": 62, "day": 760}
    recorder = WebhookRecorder(lambda: client)
    receive(recorder)
    await recorder.close()
    for resolution in RESOLUTIONS:
        key = hash_key("first", resolution, FIRM, int(time.time()))
        assert abs(await client.ttl(key.key) - (key.expires_at - time.time())) < 5
        assert key.expires_at >= time.time() + resolution.keep_s


async def test_more_than_fits_one_call_is_added_in_several(client: redis.asyncio.Redis) -> None:
    fields = {f"0:received::contact:{number}": 1 for number in range(2 * MOST_FIELDS + 5)}
    hashes = {hash_key("first", DAY, FIRM, int(time.time())): fields}
    for _ in range(2):
        assert await add_hashes(client, hashes, number="one", epoch="first")
    assert (await total(client)).received == len(fields)


@pytest.mark.parametrize(
    ("body", "user"),
    [
        (BODY, 7),
        (b'{"data":{"id":1,"creator":{"id":8,"name":"x","type":"ManageUser"}}}', 8),
        (b'{"data":{"id":1,"creator":{"id":8,"type":"ClientUser"}}}', None),
        (b'{"data":{"id":1,"user":null,"creator":{"id":8}}}', 8),
        (b'{"data":{"id":1,"user":{"name":"no id"}}}', None),
        (b'{"data":{"id":1,"user":"text"}}', None),
        (b'{"data":{"id":1,"user":{"id":-4}}}', None),
        (b'{"data":{"id":1}}', None),
        (b'"user"', None),
        (b'{"data":{"user":\xff}}', None),
        (b'{"data":{"id":1,"name":"the \\"user\\" itself"}}', None),
        (b'{"data":{"user":' + b"[" * 5000, None),
    ],
)
def test_the_user_whom_a_record_names(body: bytes, user: int | None) -> None:
    assert read_user(body) == user
