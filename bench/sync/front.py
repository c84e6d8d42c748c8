"""The mock's pages as the mock rendered them, kept and served again: `python -m bench.sync.front PORT MOCK_URL`.

Rendering a page takes the mock longer than the fastest peers take to write it, so the first reader of a page waits for
the mock, and everybody after it gets the same bytes at once. What is no page of a list goes through to the mock. Every
answer waits for the latency that was last asked for (`/__front__/latency/80` is 80 ms), and tells a request budget that
nobody uses up.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import uvicorn

Message = MutableMapping[str, Any]

PREFIX, CONTROL = "/api/v4/", "/__front__/latency/"
MOST_KEPT = 600
LEFT_OUT = frozenset({b"connection", b"content-length", b"date", b"server", b"transfer-encoding"})


class Front:
    """The application. `kept` holds status, headers and body by path and query."""

    def __init__(self, mock_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=mock_url, timeout=120)
        self._kept: dict[tuple[str, bytes], httpx.Response] = {}
        self._latency_s = 0.0

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith(CONTROL):
            self._latency_s = float(path.removeprefix(CONTROL)) / 1000
            await _send(send, 204, [], b"")
            return
        due = asyncio.get_running_loop().time() + self._latency_s
        answer = await self._answer(scope, path, receive)
        headers = [pair for pair in answer.headers.raw if pair[0].lower() not in LEFT_OUT]
        if path.startswith(PREFIX):
            headers = [pair for pair in headers if not pair[0].lower().startswith(b"x-ratelimit")] + _budget()
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        await _send(send, answer.status_code, headers, answer.content)

    async def _answer(self, scope: Message, path: str, receive: Callable[[], Awaitable[Message]]) -> httpx.Response:
        key = (path, b"&".join(sorted(scope["query_string"].split(b"&"))))
        if scope["method"] == "GET" and key in self._kept:
            return self._kept[key]
        headers = [pair for pair in scope["headers"] if pair[0] not in {b"host", b"connection", b"accept-encoding"}]
        url = httpx.URL(path, query=scope["query_string"])
        request = self._http.build_request(scope["method"], url, headers=headers, content=await _body(receive))
        answer = await self._http.send(request)
        is_page = scope["method"] == "GET" and path.startswith(PREFIX) and path.count("/") == PREFIX.count("/")
        if is_page and answer.is_success and len(self._kept) < MOST_KEPT:
            self._kept[key] = answer
        return answer


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _budget() -> list[tuple[bytes, bytes]]:
    limit = b"1000000"
    reset = str(int(time.time()) + 60).encode()
    return [(b"x-ratelimit-limit", limit), (b"x-ratelimit-remaining", limit), (b"x-ratelimit-reset", reset)]


async def _send(
    send: Callable[[Message], Awaitable[None]], status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    length = [] if status == httpx.codes.NO_CONTENT else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Front(sys.argv[2]), port=int(sys.argv[1]), lifespan="off", access_log=False, log_level="warning", ws="none"
    )
