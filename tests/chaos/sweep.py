"""One sweep, and the wait until nothing is left to do: what the service offers to make good what a storm cost."""

from core.registry import Registry
from core.testing.driving import until
from tests.chaos import deliveries
from tests.chaos.stage import Stage

SYNC = "mutation ($of: String!) { syncNow(resource: $of) { errors { code message } } }"
RECONCILE = "mutation ($of: String!) { reconcile(resource: $of) { errors { code message } } }"

SWEPT_WITHIN_S = 60.0
SETTLED_WITHIN_S = 60.0


async def sweep(stage: Stage, registry: Registry) -> None:
    """Run an incremental sync of everything, and compare every list with the mirror.

    What Clio lists below other records comes last: which lists are read follows from the records above.

    Raises:
        TimeoutError: a run did not succeed in time.
    """
    listed = [resource.name for resource in registry.resources if resource.has_list]
    below = [resource.name for resource in registry.resources if not resource.has_list]
    await _run_all(stage, "incremental", SYNC, listed)
    await _run_all(stage, "reconcile", RECONCILE, listed)
    await _run_all(stage, "incremental", SYNC, below)


async def _run_all(stage: Stage, kind: str, mutation: str, resources: list[str]) -> None:
    """Ask until a run that was asked for from now on has succeeded for each; one on its way is kept, and too early."""
    newest = await stage.database.pool.fetchval("SELECT coalesce(max(id), 0) FROM sync_run")

    async def all_done() -> bool:
        rows = await stage.database.pool.fetch(
            """SELECT resource, kind = $2 AND state = 'succeeded' AS done, finished_at IS NULL AS under_way
               FROM sync_run WHERE id > $1 OR finished_at IS NULL""",
            newest,
            kind,
        )
        done = {row["resource"] for row in rows if row["done"]}
        under_way = {row["resource"] for row in rows if row["under_way"]}
        for name in set(resources) - done - under_way:
            answer = await stage.query(mutation, of=name)
            assert not next(iter(answer.values()))["errors"], answer
        return done.issuperset(resources)

    await until(all_done, timeout_s=SWEPT_WITHIN_S)


async def settle(stage: Stage) -> None:
    """Wait until Clio has made every attempt it will make, and the service has settled every delivery.

    Returns after a while also where it has not: what is left is for the verdict to name.
    """

    async def nothing_waits() -> bool:
        waiting = await stage.mock("POST", "deliveries/settle")
        return not waiting["waiting"] and not waiting["in_flight"]

    async def nothing_left() -> bool:
        attempts, logged = await deliveries.attempts_of(stage), await deliveries.log_of(stage)
        return await stage.is_quiet() and not deliveries.lost(attempts, logged)

    await until(nothing_waits, timeout_s=SETTLED_WITHIN_S)
    try:
        await until(nothing_left, timeout_s=SETTLED_WITHIN_S)
    except TimeoutError:
        return
