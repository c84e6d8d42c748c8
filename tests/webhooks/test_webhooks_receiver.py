"""The receiver: what it takes, what it refuses, and that a 200 means a row."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator

import httpx

from core.metrics.rebuild import rebuild
from core.webhooks.endpoints import offered_secret
from tests.webhooks.webhook_scene import Scene, contact_event, hint

FIRM = 1

UNREADABLE = (
    b"not json",
    b"",
    b"[]",
    b'{"data":{},"meta":{"event":"updated"}}',
    b'{"data":{"id":1},"meta":{}}',
    b'{"data":{"id":"x"},"meta":{"event":"updated"}}',
    b'{"data":{"id":99999999999999999999},"meta":{"event":"updated"}}',
    b'{"data":{"id":-1},"meta":{"event":"updated"}}',
    b'{"data":{"id":1},"meta":{"event":"' + b"e" * 33 + b'"}}',
    b'{"data":{"id":1},"meta":{"event":"a\\u0000b"}}',
    b"\xff\xfe\x00",
)


async def test_a_signed_delivery_is_committed_before_it_is_acknowledged(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    answer = await scene.post(endpoint, contact_event("updated", 11))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    [row] = await scene.deliveries()
    kept = {name: row[name] for name in ("firm", "endpoint", "resource", "event", "record_clio_id", "status")}
    assert kept == {
        "firm": FIRM,
        "endpoint": endpoint["id"],
        "resource": "contact",
        "event": "updated",
        "record_clio_id": 11,
        "status": "received",
    }
    assert row["digest"] == hashlib.sha256(row["body"]).digest()


async def test_the_same_delivery_ten_times_is_one_row(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    body = contact_event("updated", 11)
    answers = await asyncio.gather(*(scene.post(endpoint, body) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    [row] = await scene.deliveries()
    assert row["receipts"] == 10


async def test_a_forged_signature_is_refused_and_nothing_is_stored(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    right = hmac.new(scene.secret(endpoint).encode(), b"{}", hashlib.sha256).hexdigest()
    forged = ["0" * 64, "", right.upper(), f"sha256={right}", right[:-1], "é"]
    for signature in forged:
        answer = await scene.http.post(
            f"/webhooks/clio/{endpoint['endpoint_key']}",
            content=b"{}",
            headers=[(b"content-type", b"application/json"), (b"x-hook-signature", signature.encode())],
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "SIGNATURE_INVALID"), signature
    assert await scene.deliveries() == []
    await rebuild(scene.services)
    assert await scene.counted(FIRM) == {("contact.unknown", "forged"): len(forged)}


async def test_the_secret_of_another_endpoint_does_not_sign(scene: Scene) -> None:
    mine, other = await scene.endpoint(FIRM), await scene.endpoint(2)
    body = b'{"data":{"id":1},"meta":{"event":"updated"}}'
    signature = hmac.new(scene.secret(other).encode(), body, hashlib.sha256).hexdigest()
    answer = await scene.post(mine, body, headers={"x-hook-signature": signature})
    assert answer.status_code == 401
    assert await scene.deliveries() == []


async def test_an_unsigned_delivery_is_refused(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    answer = await scene.http.post(f"/webhooks/clio/{endpoint['endpoint_key']}", json=hint("updated", 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "SIGNATURE_MISSING")


async def test_an_unknown_key_is_not_found_like_any_unknown_path(scene: Scene) -> None:
    answers = [
        await scene.http.post(f"/webhooks/clio/{key}", json=hint("updated", 1))
        for key in ("x" * 43, "", "x" * 5000, "%00", "a/b", "%C3%A9")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


async def test_other_paths_are_left_to_the_application(scene: Scene) -> None:
    assert (await scene.http.get("/elsewhere")).status_code == 418
    assert (await scene.http.post("/webhooks/clio")).status_code == 418


async def test_a_retired_endpoint_is_gone_whatever_is_sent(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM, state="retired")
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 410
    assert await scene.deliveries() == []


async def test_only_post_is_allowed(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = await scene.http.request(method, f"/webhooks/clio/{endpoint['endpoint_key']}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_only_json_is_taken(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    for kind, status in (
        ("text/plain", 415),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("", 415),
    ):
        answer = await scene.post(endpoint, hint("updated", 1), headers={"content-type": kind})
        assert answer.status_code == status, kind


async def test_a_body_over_the_cap_is_refused_by_its_announced_length(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    limit = scene.services.settings.webhook_max_bytes
    assert (await scene.post(endpoint, b"x" * (limit + 1))).status_code == 413
    assert (await scene.post(endpoint, b'"' + b"x" * (limit - 2) + b'"')).status_code == 200


async def test_a_body_over_the_cap_is_refused_while_it_is_read(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(scene.services.settings.webhook_max_bytes // 65_536 + 2):
            yield b"x" * 65_536

    url = f"/webhooks/clio/{endpoint['endpoint_key']}"
    headers = {"content-type": "application/json", "x-hook-signature": "0" * 64}
    answer = await scene.http.post(url, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert await scene.deliveries() == []


async def test_what_clio_signed_is_kept_even_if_it_cannot_be_read(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    for body in UNREADABLE:
        assert (await scene.post(endpoint, body)).status_code == 200, body
    rows = await scene.deliveries()
    assert {(row["event"], row["record_clio_id"]) for row in rows} == {("unknown", None)}
    assert {bytes(row["body"]) for row in rows} == set(UNREADABLE)


async def test_a_handshake_is_echoed_only_while_it_is_awaited(scene: Scene) -> None:
    for state, status in (("creating", 200), ("pending", 200), ("enabled", 401), ("suspended", 401), ("retired", 410)):
        endpoint = await scene.endpoint(FIRM, state="enabled" if state == "suspended" else state)
        if state == "suspended":
            await scene.services.database.pool.execute(
                "UPDATE webhook_endpoint SET state = 'suspended' WHERE id = $1", endpoint["id"]
            )
        answer = await _shake_hands(scene, endpoint["endpoint_key"], "s3cret")
        assert answer.status_code == status, state
        assert answer.headers.get("x-hook-secret") == ("s3cret" if status == 200 else None)
        stored = offered_secret(scene.services.cipher, await scene.row("webhook_endpoint", endpoint["id"]))
        assert stored == ("s3cret" if status == 200 else None)


async def test_a_handshake_at_an_unknown_address_is_not_echoed(scene: Scene) -> None:
    answer = await _shake_hands(scene, "nothing-here", "s3cret")
    assert answer.status_code == 404
    assert "x-hook-secret" not in answer.headers


async def test_a_handshake_with_an_unusable_secret_is_refused(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM, state="creating")
    for secret in ("", "x" * 257):
        assert (await _shake_hands(scene, endpoint["endpoint_key"], secret)).status_code == 400


async def test_while_creating_either_secret_signs(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM, state="creating")
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
    await _shake_hands(scene, endpoint["endpoint_key"], "of Clio's own")
    for number, secret in enumerate(("of Clio's own", scene.secret(endpoint))):
        body = b'{"data":{"id":%d},"meta":{"event":"updated"}}' % (number + 2)
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        answer = await scene.post(endpoint, body, headers={"x-hook-signature": signature})
        assert answer.status_code == 200
    assert len(await scene.deliveries()) == 3


async def test_without_postgresql_clio_is_told_to_come_again(scene: Scene) -> None:
    known, unseen = await scene.endpoint(FIRM), await scene.endpoint(FIRM)
    assert (await scene.post(known, hint("updated", 1))).status_code == 200
    await scene.services.database.close()
    for endpoint in (known, unseen):
        answer = await scene.post(endpoint, hint("updated", 2))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    await scene.services.database.open()
    assert (await scene.post(known, hint("updated", 2))).status_code == 200
    assert len(await scene.deliveries()) == 2


async def test_without_redis_a_delivery_is_still_taken(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    await scene.services.redis.connection_pool.disconnect()
    scene.services.redis.connection_pool.connection_kwargs["port"] = 1
    assert (await scene.post(endpoint, hint("updated", 1))).status_code == 200
    assert len(await scene.deliveries()) == 1


async def test_every_one_of_two_hundred_at_once_has_its_row(scene: Scene) -> None:
    endpoint = await scene.endpoint(FIRM)
    answers = await asyncio.gather(
        *(scene.post(endpoint, contact_event("updated", 100 + number % 150)) for number in range(200))
    )
    assert {answer.status_code for answer in answers} == {200}
    rows = await scene.deliveries()
    assert {row["record_clio_id"] for row in rows} == set(range(100, 250))
    assert sum(row["receipts"] for row in rows) == 200


async def test_received_deliveries_are_counted(scene: Scene) -> None:
    await rebuild(scene.services)
    endpoint = await scene.endpoint(FIRM)
    for number in (1, 2, 2):
        await scene.post(endpoint, hint("updated", number))
    assert await scene.counted(FIRM) == {("contact.updated", "received"): 2, ("contact.updated", "duplicates"): 1}


async def _shake_hands(scene: Scene, key: str, secret: str) -> httpx.Response:
    return await scene.http.post(
        f"/webhooks/clio/{key}", json={"data": {"webhook_id": 7}}, headers={"x-hook-secret": secret}
    )
