"""A bare ASGI receiver: verifies the signature and enqueues in Redis, with nothing around it."""

import hmac
import os
from typing import Any

import redis.asyncio

SECRET = os.environ["WEBHOOK_SECRET"].encode()
STREAM = os.environ["STREAM"]
PREFIX = "/webhooks/clio/"
ANSWERS = {200: b'{"received":true}', 401: b'{"error":"signature"}', 404: b'{"error":"path"}'}

client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    status = await _take(scope, receive) if scope["path"].startswith(PREFIX) else 404
    body = ANSWERS[status]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _take(scope: Any, receive: Any) -> int:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    signature = dict(scope["headers"]).get(b"x-hook-signature", b"")
    if not hmac.compare_digest(hmac.digest(SECRET, body, "sha256").hex().encode(), signature):
        return 401
    await client.xadd(STREAM, {"d": body})
    return 200


async def _live(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        if kind == "lifespan.shutdown":
            await client.aclose()
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
