"""A plugin that raises, ends the process, computes for ever, or takes its workers down: it alone pays."""

import dataclasses
import time
from typing import Any

import pytest
from pydantic import model_validator

from core.registry import Registry
from core.webhooks import isolation
from core.webhooks.failures import LAPSES_MAX
from core.webhooks.isolation import PluginBroke, PluginTooSlow, run_each
from core.webhooks.processing import SUSPECT_LAPSES, process_deliveries
from plugins.contacts.clio import ContactPayload
from plugins.contacts.plugin import CONTACT
from tests.webhooks.webhook_scene import Scene, contact_event


def _behave(name: Any) -> None:
    """Do what a record's name says."""
    if name == "raises":
        raise RuntimeError(name)
    if name == "exits":
        raise SystemExit(1)
    while name == "hangs":
        time.sleep(0.01)


class PoisonPayload(ContactPayload):
    """A payload model that does what a record's name says."""

    @model_validator(mode="before")
    @classmethod
    def _do_it(cls, data: Any) -> Any:
        _behave(data.get("name"))
        return data


@pytest.fixture
def _short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "PIECE_LIMIT_S", 0.3)


@pytest.fixture
def _poisonous(scene: Scene, registry: Registry) -> None:
    poisonous = dataclasses.replace(CONTACT, endpoint=dataclasses.replace(CONTACT.endpoint, payload=PoisonPayload))
    plugins = [
        dataclasses.replace(each, resources=(poisonous,)) if CONTACT in each.resources else each
        for each in registry.plugins
    ]
    scene.services.registry = Registry(registry.manager, plugins=plugins)


@pytest.mark.usefixtures("_short_limit")
async def test_each_piece_answers_or_fails_alone_and_in_order() -> None:
    def work(name: str) -> str:
        _behave(name)
        return name.upper()

    found = await run_each(work, ["one", "raises", "exits", "hangs", "two", "hangs"])
    assert [each if isinstance(each, str) else type(each) for each in found] == [
        "ONE",
        RuntimeError,
        PluginBroke,
        PluginTooSlow,
        "TWO",
        PluginTooSlow,
    ]
    assert await run_each(work, []) == []


@pytest.mark.usefixtures("_short_limit", "_poisonous")
async def test_a_plugin_that_raises_exits_or_hangs_fails_its_own_record_alone(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number, name in enumerate(("fine", "raises", "exits", "hangs", "fine too"), start=1):
        await scene.post(endpoint, contact_event("updated", number, name=name))
    assert await process_deliveries(scene.services) == 2
    assert [(row["status"], row["error_code"]) for row in await scene.deliveries()] == [
        ("processed", None),
        ("failed", "INTERNAL"),
        ("failed", "PLUGIN_BROKE"),
        ("failed", "PLUGIN_TOO_SLOW"),
        ("processed", None),
    ]


async def test_what_takes_its_workers_down_is_worked_on_alone(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number in range(1, 6):
        await scene.post(endpoint, contact_event("updated", number))
    await scene.services.database.pool.execute(
        """UPDATE webhook_delivery SET status = 'processing', attempts = 1, lapses = $1,
           not_before_at = now() - interval '1 s' WHERE record_clio_id <= 3""",
        SUSPECT_LAPSES - 1,
    )
    assert await process_deliveries(scene.services) == 3
    rows = await scene.deliveries()
    assert [row["status"] for row in rows] == ["processed", "received", "received", "processed", "processed"]
    assert [(row["attempts"], row["lapses"]) for row in rows[1:3]] == [(1, SUSPECT_LAPSES)] * 2
    for settled in (1, 1, 0):
        await scene.due_now()
        assert await process_deliveries(scene.services) == settled


async def test_after_so_many_workers_it_is_dead_with_its_reason(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 1))
    await scene.services.database.pool.execute(
        """UPDATE webhook_delivery SET status = 'processing', attempts = 1, lapses = $1,
           not_before_at = now() - interval '1 s'""",
        LAPSES_MAX - 1,
    )
    assert await process_deliveries(scene.services) == 1
    [row] = await scene.deliveries()
    assert (row["status"], row["error_code"], row["lapses"]) == ("dead", "WORKER_LOST", 0)
