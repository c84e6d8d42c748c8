"""What our process holds at most while it reads a small firm, and a large one."""

from collections.abc import Sequence

from bench.stage import stage
from bench.sync.plans import plans, running
from bench.sync.report import Held


async def measure(sizes: Sequence[int]) -> list[Held]:
    """Return what was held for each number of activities, each in a process of its own."""
    return [await _hold(records) for records in sizes]


async def _hold(records: int) -> Held:
    async with stage(contacts=50, activities=records, rate_limit=1_000_000, fronted=True) as (services, firm, url):
        resource = services.registry.resource("activity")
        [plan] = [plan for plan in await plans(services, resource, firm, url) if plan.name == "ours"]
        async with running(plan) as peer:
            sample = await peer.one_pass()
            if sample.records != records:
                raise RuntimeError(f"the backfill brought {sample.records} of {records} records")
            return Held(records, peer.started_bytes, sample.peak_bytes)
