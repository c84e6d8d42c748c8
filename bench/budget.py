"""How much of Clio's request limit a saturating sync uses, how often it is told to slow down, and how long people wait.

Two backfills that never end run beside a person who asks for something now and then, at Clio's usual limit.
"""

import asyncio
import itertools
import random
import time
from collections import Counter

import httpx

from bench.stage import stage
from core.clio.priority import Priority
from core.resource import ClioEndpoint
from core.services import Services

LIMIT = 50
WINDOWS = 3
WINDOW_S = 60
CALL_EVERY_S = (8.0, 16.0)


async def measure() -> None:
    """Print the share of allowed requests used in each whole window, the 429s, and how long interactive calls took."""
    async with stage(contacts=1000, rate_limit=LIMIT) as (services, firm, mock_url):
        print(f"budget: {WINDOWS} whole windows of {WINDOW_S} s at {LIMIT} requests, two syncs at once; please wait")
        stop_at = time.monotonic() + (WINDOWS + 1) * WINDOW_S + 5
        endpoints = [services.registry.resource(name).endpoint for name in ("contact", "matter")]
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(_call_now_and_then(services, firm, stop_at))
            for endpoint in endpoints:
                group.create_task(_saturate(services, firm, endpoint, stop_at))
        async with httpx.AsyncClient() as http:
            journal = (await http.get(f"{mock_url}/__mock__/journal/requests")).json()["data"]
    calls = [entry for entry in journal if entry["path"].startswith("/api/")]
    first = calls[0]["at"]
    windows = Counter(int((entry["at"] - first) // WINDOW_S) for entry in calls)
    shares = [windows[number] / LIMIT for number in range(WINDOWS)]
    print(
        "budget: " + ", ".join(f"{share:.0%}" for share in shares) + f" of the allowed requests, window by window; "
        f"mean {sum(shares) / len(shares):.1%}"
    )
    print(f"budget: answers by status: {dict(Counter(entry['status'] for entry in calls))}")
    waits = calling.result()
    print(
        f"budget: {len(waits)} interactive calls waited {sorted(waits)[len(waits) // 2]:.2f} s (median), "
        f"{max(waits):.2f} s at most, answer included"
    )


async def _call_now_and_then(services: Services, firm: int, stop_at: float) -> list[float]:
    """Ask as a person does; return how long each answer took, in seconds."""
    client = services.accounts.client(firm)
    waits: list[float] = []
    while True:
        await asyncio.sleep(random.uniform(*CALL_EVERY_S))  # noqa: S311 - jitter is no secret
        began = time.monotonic()
        if began > stop_at:
            return waits
        await client.who_am_i()
        waits.append(time.monotonic() - began)


async def _saturate(services: Services, firm: int, endpoint: ClioEndpoint, stop_at: float) -> None:
    """Read a list in small pages over and over, as a backfill that never ends."""
    small = ClioEndpoint(path=endpoint.path, payload=endpoint.payload, page_limit=10)
    client = services.accounts.client(firm)
    for _ in itertools.count():
        pages = client.pages(small, priority=Priority.BACKFILL)
        try:
            async for _page in pages:
                if time.monotonic() > stop_at:
                    return
        finally:
            await pages.aclose()
