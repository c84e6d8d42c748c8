"""Driving the mock Clio from tests, over HTTP as a script would."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

CLIENT_ID = "service-under-test"
CLIENT_SECRET = "a secret of the service under test"
CALLBACK = "/oauth/clio/callback"


class Control:
    """The mock's control interface, and Clio's REST API as somebody else's application uses it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control interface; return the decoded answer."""
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.request(method, f"{self.url}/__mock__/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def fail(self, **fault: Any) -> None:
        """Let requests fail; the arguments are those of the mock's request faults."""
        await self.call("POST", "faults/requests", fault)

    async def requests(self, prefix: str = "/api/v4/") -> list[dict[str, Any]]:
        """Return the journal of requests whose path starts so."""
        journal = await self.call("GET", "journal/requests")
        return [entry for entry in journal["data"] if entry["path"].startswith(prefix)]

    async def records(self, resource: str, *, fields: str | None = None) -> dict[int, dict[str, Any]]:
        """Return every record of a resource, with all its fields unless some are named, by id."""
        answer = await self.call("GET", f"records/{resource}" + (f"?fields={fields}" if fields else ""))
        return {record["id"]: record for record in answer["data"]}

    async def edit(self, resource: str, clio_id: int, **changes: Any) -> None:
        """Change a record as somebody at work in Clio would."""
        await self.call("PATCH", f"records/{resource}/{clio_id}", {"data": changes})

    async def create(self, resource: str, **fields: Any) -> int:
        """Create a record; return its id."""
        answer = await self.call("POST", f"records/{resource}", {"data": fields})
        return int(answer["data"]["id"])

    async def delete(self, resource: str, clio_id: int) -> None:
        """Delete a record."""
        async with httpx.AsyncClient() as http:
            answer = await http.delete(f"{self.url}/__mock__/records/{resource}/{clio_id}")
        assert answer.is_success, answer.text


async def until(holds: Callable[[], Awaitable[object]], *, timeout_s: float = 30) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it does not come to hold.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def approve_redirect(authorize_url: str, *, decision: str = "approve") -> str:
    """Press a button on the mock's page; return where the browser is sent."""
    parts = urlsplit(authorize_url)
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data={**form, "decision": decision})
    assert answer.status_code in {302, 303}, answer.text
    return answer.headers["location"]


async def approve(authorize_url: str) -> tuple[str, str]:
    """Press `Allow access`; return state and code of the redirect."""
    query = parse_qs(urlsplit(await approve_redirect(authorize_url)).query)
    return query["state"][0], query["code"][0]
