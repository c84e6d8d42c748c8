"""Our sync: a whole backfill as a worker makes it: budget, token, validation, guards, change log and checkpoint."""

import asyncio

import uvloop

from bench.sync.peers.passes import drive, given
from core.loading import load_plugins
from core.logging import configure_logging
from core.process import keep_what_is_loaded
from core.services import Services
from core.settings import load_settings
from core.sync import engine, requesting


def main() -> None:
    """Make passes in one process, as a worker would."""
    configure_logging("error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        services = Services(load_settings(), load_plugins())
        opened = services.open()
        runner.run(opened.__aenter__())
        keep_what_is_loaded()
        try:
            drive(lambda: runner.run(_backfill(services, int(given("FIRM")), given("RESOURCE"))))
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def _backfill(services: Services, firm: int, resource: str) -> int:
    """Ask for a backfill and work on it to its end; what it asks for afterwards is not begun."""
    pool = services.database.pool
    await pool.execute("DELETE FROM sync_run")
    [run] = await requesting.request_runs(services, firms=[firm], resource=resource, full=True)
    outcome = await engine.work_on(services, run, owner="bench")
    if outcome != "succeeded":
        raise RuntimeError(f"the backfill ended {outcome}")
    seen: int = await pool.fetchval("SELECT records_seen FROM sync_run WHERE id = $1", run)
    return seen


if __name__ == "__main__":
    main()
