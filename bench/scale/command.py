"""`python -m bench scale`: a million activities in one firm, 200 firms beside it, then 10,000 firms without records."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence

from bench.fanout import SERVICE, answers, servers
from bench.scale import measures
from bench.scale.data import LARGE, Size, add_firms, fill
from core.embedded.child import end, spawn

MANY_FIRMS = 10_000


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; 2 for arguments that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the records; the number of firms stays")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    asyncio.run(_measure(Size.scaled(options.scale)))
    return 0


async def _measure(size: Size) -> None:
    async with servers() as (services, environment):
        pool = services.database.pool
        resources = [each.name for each in services.registry.resources]
        started = time.perf_counter()
        await fill(pool, size, resources)
        print(f"scale: {size}, filled in {time.perf_counter() - started:.0f} s", flush=True)
        await measures.sizes(services)
        small = LARGE + 1
        await measures.pages(services, small)
        await measures.comparisons(services, small)
        await measures.dead_rows(services, small)
        server = spawn([sys.executable, "-c", SERVICE], env={**os.environ, **environment})
        try:
            await answers(services.settings)
            await measures.reads(services, small)
        finally:
            await end(server)
        last = LARGE + size.firms
        await measures.turns(services, size.firms)
        await add_firms(pool, last + 1, MANY_FIRMS, resources)
        await pool.execute("VACUUM (ANALYZE) firm, sync_run, sync_cursor")
        await measures.turns(services, MANY_FIRMS)
