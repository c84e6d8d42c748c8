"""Whatever the mirror holds: after one run it has what Clio has, and a second run finds nothing."""

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.mirror.comparison import MASS_LEAST, MASS_SHARE
from core.mirror.writer import validate_records, write_records
from core.registry import Registry
from core.services import Services
from core.sync import engine
from core.testing.driving import Control
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene

CONTACTS = 12
UNLISTED = 24
SMALL_FIRM = 30
BEFORE = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

VARIANTS = [({},), ({}, {"type": "Company"}), ({"type": "Company"}, {"type": "Person"})]

Rows = Mapping[int, tuple[str, str]]
"""Presence and version of rows of the mirror, by place among those they are taken from."""

PRESENCES = st.sampled_from(["present", "present", "deleted", "hidden", "unknown"])
VERSIONS = st.sampled_from(["same", "older", "twin"])
"""`older` was changed at Clio since; a `twin` was, too, within the same second."""


def rows_among(count: int) -> st.SearchStrategy[Rows]:
    """Rows at some of so many places."""
    return st.dictionaries(st.integers(0, count - 1), st.tuples(PRESENCES, VERSIONS))


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = SMALL_FIRM
    return mock_settings


def listing_contacts(registry: Registry, **endpoint: Any) -> Registry:
    """Return the plugin of contacts alone, which lists them in another way."""

    def resized(resource: Any) -> Any:
        return dataclasses.replace(resource, endpoint=dataclasses.replace(resource.endpoint, **endpoint))

    plugins = [
        dataclasses.replace(plugin, resources=tuple(map(resized, plugin.resources)))
        for plugin in registry.plugins
        if plugin.name == "contacts"
    ]
    return Registry(manager=registry.manager, plugins=plugins)


def unlisted_ids(clio: Iterable[int]) -> list[int]:
    """Return ids that Clio does not have: below, between and above those it has."""
    listed = sorted(clio)
    between = {clio_id + step for clio_id in listed for step in (-1, 1)} - set(listed)
    return sorted({1, *list(between)[: UNLISTED - 2], *range(2**62, 2**62 + UNLISTED)})[:UNLISTED]


async def fill(scene: Scene, clio: Mapping[int, Mapping[str, Any]], listed: Rows, unlisted: Rows) -> None:
    """Make the mirror hold these rows and no others."""
    await scene.services.database.pool.execute(f"TRUNCATE {scene.table}, custom_fields_value, sync_run")
    ids, others = sorted(clio), unlisted_ids(clio)
    wanted = {ids[place]: row for place, row in listed.items()} | {
        others[place]: row for place, row in unlisted.items()
    }
    records = []
    for clio_id, (_, version) in wanted.items():
        record = {"name": "Nobody", "type": "Person", **clio.get(clio_id, {}), "id": clio_id}
        if version != "same":
            record |= {"etag": '"another"', "name": "Another"}
        if version == "older":
            record["updated_at"] = "2020-01-01T00:00:00Z"
        records.append(record)
    await write_records(
        scene.services.database.pool,
        scene.resource,
        firm=scene.firm,
        payloads=validate_records(scene.resource, records),
        seen_at=BEFORE,
        source="backfill",
    )
    for clio_id, (presence, _) in wanted.items():
        await scene.services.database.pool.execute(
            f"UPDATE {scene.table} SET presence = $1 WHERE clio_id = $2", presence, clio_id
        )
    await scene.services.database.pool.execute("TRUNCATE change")


def expected(count: int, listed: Rows, unlisted: Rows) -> tuple[str, dict[str, int]]:
    """Return the outcome and the counters that a run must end with when Clio has `count` records."""
    versions = [version for presence, version in listed.values() if presence == "present"]
    extra = sum(presence in {"present", "unknown"} for presence, _ in unlisted.values())
    present = len(versions) + sum(presence == "present" for presence, _ in unlisted.values())
    stale, missing = sum(version != "same" for version in versions), count - len(versions)
    held = extra > MASS_LEAST and extra > MASS_SHARE * present
    counters = {"missing": missing, "stale": stale, "extra": extra, "repaired": missing + stale}
    counters["unknown" if held else "deleted"] = extra
    return "partial" if held else "succeeded", {name: found for name, found in counters.items() if found}


@FEW
@given(
    listed=rows_among(CONTACTS),
    unlisted=rows_among(UNLISTED),
    page_limit=st.sampled_from([1, 2, 5, 11, 12, 200]),
    variants=st.sampled_from(VARIANTS),
    slice_s=st.sampled_from([-1.0, 600.0]),
)
async def test_after_a_run_the_mirror_has_what_clio_has(
    listed: Rows,
    unlisted: Rows,
    page_limit: int,
    variants: Sequence[Mapping[str, str]],
    slice_s: float,
    monkeypatch: pytest.MonkeyPatch,
    services: Services,
    registry: Registry,
    firm: int,
    control: Control,
) -> None:
    """However the list is cut, whether one list or two that may overlap, in one turn or in one for each step."""
    monkeypatch.setattr(engine, "SLICE_S", slice_s)
    services.registry = listing_contacts(registry, page_limit=page_limit, variants=variants)
    scene = Scene(services, firm, control)
    clio = await control.records("contacts")
    for clio_id in sorted(clio)[CONTACTS:]:
        await control.delete("contacts", clio_id)
        del clio[clio_id]
    await fill(scene, clio, listed, unlisted)
    outcome, counters = expected(len(clio), listed, unlisted)
    assert await scene.reconcile() == (outcome, counters)
    present = await services.database.pool.fetch(
        f"SELECT clio_id, etag, name FROM {scene.table} WHERE presence = 'present'"
    )
    found = {row["clio_id"]: (row["etag"], row["name"]) for row in present}
    assert found == {clio_id: (record["etag"], record["name"]) for clio_id, record in clio.items()}
    changes = await scene.changes()
    assert len(changes) == counters.get("repaired", 0) + counters.get("extra", 0)
    assert await scene.reconcile() == ("succeeded", {})
    assert await scene.changes() == changes


async def test_twenty_are_believed_however_small_the_firm(services: Services, firm: int, control: Control) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    for clio_id in sorted(await scene.present())[5:25]:
        await control.delete("contacts", clio_id)
    assert await scene.reconcile() == ("succeeded", {"extra": 20, "deleted": 20})
    assert await scene.present() == set(await control.records("contacts"))


async def test_an_empty_list_holds_everything_back(services: Services, firm: int, control: Control) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    for clio_id in await scene.present():
        await control.delete("contacts", clio_id)
    run = await scene.request()
    assert await scene.finish(run) == ("partial", {"extra": SMALL_FIRM, "unknown": SMALL_FIRM})
    assert await scene.approve(run) == ("succeeded", {"extra": SMALL_FIRM, "deleted": SMALL_FIRM})
