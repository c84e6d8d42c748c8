"""The receiver against what is no delivery: slow, cut off, too many, forged. Over plain sockets."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from core.metrics.rebuild import rebuild
from core.webhooks.bodies import Bodies
from core.webhooks.forgeries import ALARM_AT
from core.webhooks.receiver import WebhookReceiver
from tests.webhooks.conftest import Front, rest
from tests.webhooks.webhook_scene import Scene, contact_event, hint

FIRM = 1


@pytest.fixture
def bounded(scene: Scene, front: tuple[Front, str]) -> Bodies:
    """A receiver with room for little, in the place of the scene's own."""
    bodies = Bodies(requests_max=8, bytes_max=20_000, within_s=0.3)
    front[0].app = WebhookReceiver(scene.services, scene.inbox, bodies=bodies).wrap(rest)
    return bodies


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def head(scene: Scene, endpoint: asyncpg.Record, body: bytes, *, announced: int | None = None) -> bytes:
    signature = hmac.new(scene.secret(endpoint).encode(), body, hashlib.sha256).hexdigest()
    lines = [
        f"POST /webhooks/clio/{endpoint['endpoint_key']} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"X-Hook-Signature: {signature}",
        f"Content-Length: {len(body) if announced is None else announced}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


async def test_a_body_that_trickles_in_is_cut_off(scene: Scene, bounded: Bodies, api_port: int) -> None:
    endpoint = await scene.endpoint(FIRM)
    body = json.dumps(hint("updated", 1)).encode()
    async with connected(api_port) as (reader, writer):
        writer.write(head(scene, endpoint, body) + body[:1])
        assert await status(reader) == 408
        assert b"connection: close" in (await reader.read()).lower()
    assert (await scene.deliveries(), bounded.requests, bounded.bytes) == ([], 0, 0)


async def test_a_truncated_body_is_dropped(scene: Scene, bounded: Bodies, api_port: int) -> None:
    endpoint = await scene.endpoint(FIRM)
    body = json.dumps(hint("updated", 1)).encode()
    async with connected(api_port) as (_, writer):
        writer.write(head(scene, endpoint, body, announced=len(body) + 10) + body)
        await writer.drain()
        await until(lambda: bounded.requests == 1)
    await until(lambda: bounded.requests == 0)
    assert (await scene.deliveries(), bounded.bytes) == ([], 0)


async def test_more_requests_than_there_is_room_for_come_again_later(
    scene: Scene, bounded: Bodies, api_port: int
) -> None:
    endpoint = await scene.endpoint(FIRM)
    body = json.dumps(hint("updated", 1)).encode()
    assert (await scene.post(endpoint, hint("updated", 2))).status_code == 200
    slow = [asyncio.open_connection("127.0.0.1", api_port) for _ in range(8)]
    opened = await asyncio.gather(*slow)
    for _, writer in opened:
        writer.write(head(scene, endpoint, body) + body[:1])
    await until(lambda: bounded.requests == 8)
    answer = await scene.post(endpoint, hint("updated", 3))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert [await status(reader) for reader, _ in opened] == [408] * 8
    for _, writer in opened:
        writer.close()
        await writer.wait_closed()
    assert (await scene.post(endpoint, hint("updated", 3))).status_code == 200


async def test_a_flood_of_large_bodies_is_held_to_the_bytes_there_is_room_for(
    scene: Scene, bounded: Bodies, api_port: int
) -> None:
    endpoint = await scene.endpoint(FIRM)
    most, asked = 0, 0
    body = b'"' + b"x" * 12_000 + b'"'

    async def send() -> int:
        async with connected(api_port) as (reader, writer):
            writer.write(head(scene, endpoint, body) + body[:9_000])
            await asyncio.sleep(0.05)
            writer.write(body[9_000:])
            return await status(reader)

    senders = [asyncio.create_task(send()) for _ in range(60)]
    while not all(sender.done() for sender in senders):
        most, asked = max(most, bounded.bytes), asked + 1
        await asyncio.sleep(0)
    answers = [sender.result() for sender in senders]
    assert set(answers) <= {200, 408, 503}
    assert 503 in answers
    assert most <= 20_000
    assert (bounded.requests, bounded.bytes) == (0, 0)
    assert (await scene.post(endpoint, hint("updated", 3))).status_code == 200


async def test_an_endpoint_that_is_forged_at_often_raises_an_alarm(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await rebuild(scene.services)
    endpoint = await scene.endpoint(FIRM)
    key = f"/webhooks/clio/{endpoint['endpoint_key']}"
    for number in range(ALARM_AT):
        if number % 2:
            await scene.post(endpoint, hint("updated", number), headers={"x-hook-signature": "0" * 64})
        else:
            await scene.http.post(key, json=hint("updated", number))
    await scene.inbox.stop()
    assert caplog.text.count("webhook_forgery_rate") == 1
    assert caplog.text.count("webhook_signature_invalid") == 1
    assert await scene.counted(FIRM) == {("contact.unknown", "forged"): ALARM_AT}


async def test_no_json_unsigned_is_refused_and_signed_is_kept(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    key = f"/webhooks/clio/{endpoint['endpoint_key']}"
    unsigned = await scene.http.post(key, content=b"not json", headers={"content-type": "application/json"})
    assert unsigned.status_code == 401
    assert (await scene.post(endpoint, b"not json")).status_code == 200
    [row] = await scene.deliveries()
    assert (row["event"], bytes(row["body"])) == ("unknown", b"not json")


async def test_a_replayed_delivery_is_counted_on_its_row_and_sent_to_another_endpoint_refused(scene: Scene) -> None:
    mine, other = await scene.endpoint(FIRM), await scene.endpoint(2)
    body = json.dumps(contact_event("updated", 1)).encode()
    for _ in range(3):
        assert (await scene.post(mine, body)).status_code == 200
    stolen = {"x-hook-signature": hmac.new(scene.secret(mine).encode(), body, hashlib.sha256).hexdigest()}
    assert (await scene.post(other, body, headers=stolen)).status_code == 401
    [row] = await scene.deliveries()
    assert row["receipts"] == 3


async def test_a_malformed_key_is_answered_like_an_unknown_one(scene: Scene) -> None:
    """The same answer after the same question to the database, so that its time tells nothing either."""
    answers = [await scene.http.post(f"/webhooks/clio/{key}", json={}) for key in ("x" * 43, "not a key!", "x" * 65)]
    assert len({(answer.status_code, answer.content, tuple(answer.headers)) for answer in answers}) == 1


async def test_headers_are_kept_but_for_those_that_may_hold_a_secret(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    sent = {
        "user-agent": "Clio/1",
        "x-request-id": "r-1",
        "authorization": "Bearer t0ken",
        "cookie": "session=t0ken",
        "x-hook-secret": "t0ken",
        "x-forwarded-for": "192.0.2.1",
    }
    assert (await scene.post(endpoint, hint("updated", 1), headers=sent)).status_code == 200
    [row] = await scene.deliveries()
    assert set(row["headers"]) == {"user-agent", "content-type", "content-length", "x-request-id"}
    assert row["headers"]["user-agent"] == "Clio/1"
    assert "t0ken" not in str(row["headers"])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the server does next."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it does not come about")
