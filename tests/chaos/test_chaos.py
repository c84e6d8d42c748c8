"""Whatever is killed, and whatever goes astray: nothing acknowledged is lost, and the mirror ends up as Clio has it.

`make chaos SEEDS=20 SEED=1 SECONDS=8` is the long form; a seed that failed is `make chaos SEED=<seed> SEEDS=1`.
"""

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from core.registry import Registry
from core.testing.comparing import listed
from core.testing.driving import until
from tests.chaos import deliveries
from tests.chaos.editing import Editor
from tests.chaos.equality import told_since, unlike_clio
from tests.chaos.history import broken_histories, deletions_told, untrue
from tests.chaos.stage import Stage, open_stage
from tests.chaos.storm import Storm
from tests.chaos.sweep import settle, sweep

FIRST_SEED = int(os.environ.get("CHAOS_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("CHAOS_SEEDS", "2")))
STORM_S = float(os.environ.get("CHAOS_SECONDS", "5"))

LEAST = 20
"""Deliveries that must have been acknowledged for the verdict to mean anything."""

POLL_FACTORS = (0.05, 100.0)
"""Every other seed hardly polls at all, so that only deliveries bring news until the sweep."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_acknowledged_is_lost_and_the_mirror_ends_up_equal(
    tmp_path: Path, registry: Registry, seed: int
) -> None:
    again = f"once more: make chaos SEED={seed} SEEDS=1 SECONDS={STORM_S:g}"
    async with open_stage(tmp_path, seed, poll_factor=POLL_FACTORS[seed % 2]) as stage:
        storm = Storm(stage, seed, STORM_S)
        try:
            found = await _weather(stage, registry, storm)
        except BaseException as error:
            error.add_note(f"chaos seed {seed}, {again}\n{_told(stage, storm)}")
            raise
        assert not found, f"chaos seed {seed}, {again}:{listed(found)}\n{_told(stage, storm)}"
    assert not stage.left_behind(), f"chaos seed {seed}: processes are left behind: {stage.left_behind()}"


async def _weather(stage: Stage, registry: Registry, storm: Storm) -> list[str]:
    """Let the storm rage, sweep, and return everything that is not as it should be afterwards."""
    found = await deliveries.rate_limited(stage)
    await storm.rage()
    await storm.calm()
    await until(stage.is_ready, timeout_s=60)
    calm_from = (await stage.mock("GET", "journal/requests"))["count"]
    newest = await stage.database.pool.fetchval("SELECT max(id) FROM change")
    await sweep(stage, registry)
    await settle(stage)
    attempts, logged = await deliveries.attempts_of(stage), await deliveries.log_of(stage)
    acknowledged = sum(each.acknowledged for each in attempts)
    if acknowledged < LEAST:
        found.append(f"only {acknowledged} deliveries were acknowledged: this was no storm")
    return [
        *found,
        *deliveries.lost(attempts, logged),
        *deliveries.unsettled(logged, dead=storm.dead),
        *deliveries.never_sent(attempts, logged),
        *await deliveries.rate_limited(stage, after=calm_from),
        *await _mirror(stage, registry, storm.editor.hidden, swept_after=newest),
        *await broken_histories(stage, registry),
        *await _untrue_deletions(stage, registry, storm.editor),
    ]


async def _untrue_deletions(stage: Stage, registry: Registry, editor: Editor) -> list[str]:
    """Return what was reported deleted while Clio had it; what may have gone with a folder is passed over."""
    there = {
        (resource.endpoint.path, record["id"])
        for resource in registry.resources
        if resource.has_list and not (editor.folder_thrown and resource.trash_column)
        for record in (await stage.mock("GET", f"records/{resource.endpoint.path}?fields=id"))["data"]
    }
    return untrue(await deletions_told(stage, registry), editor.gone_at, there - editor.gone_at.keys())


async def _mirror(
    stage: Stage, registry: Registry, hidden: Collection[tuple[str, int]], *, swept_after: int
) -> list[str]:
    """Compare the mirror with Clio; once more after another sweep, where deliveries told late of what is gone."""
    late = await told_since(stage, swept_after)
    found = await unlike_clio(stage, registry, hidden=hidden, told_late=late)
    if not found and await unlike_clio(stage, registry, hidden=hidden):
        await sweep(stage, registry)
        found = await unlike_clio(stage, registry, hidden=hidden)
    return found


def _told(stage: Stage, storm: Storm) -> str:
    """Return what happened, for whoever looks into a failure."""
    blows = ", ".join(
        f"{blow.at_s:.2f} s {blow.target}" + (f" frozen {blow.frozen_s:.1f} s" if blow.frozen_s else "")
        for blow in storm.blows
    )
    return "\n".join(
        [
            f"blows: {blows}",
            f"troubles: {dict(storm.troubles)}, {stage.wire.torn} connections torn",
            f"edits: {dict(storm.editor.done)}",
            stage.log_tails(),
        ]
    )
