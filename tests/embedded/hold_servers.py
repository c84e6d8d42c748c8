"""Run embedded servers on the folder given and say so in one line of JSON; ends only by a signal."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from core.embedded.servers import EmbeddedServers


async def hold(data_dir: Path) -> None:
    """Start both servers, print their addresses and process ids, and wait."""
    async with EmbeddedServers(data_dir, durable=False) as servers:
        ready = {"database_url": servers.database_url, "redis_url": servers.redis_url, "pids": servers.pids}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await servers.wait()


if __name__ == "__main__":
    # A shell that runs its tests in the background has them, and so us, ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(hold(Path(sys.argv[1])))
