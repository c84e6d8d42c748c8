"""Webhooks of documents that are refused, or never send: polling finds all the same, and it shows which it is."""

from collections.abc import AsyncIterator

import pytest

from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.driving import Control
from tests.plugins.documents_office import Office, open_office


@pytest.fixture
async def office(
    settings: Settings, services: Services, registry: Registry, control: Control, firm: int
) -> AsyncIterator[Office]:
    async with open_office(settings, services, registry, control, firm) as made:
        yield made


async def coverage(office: Office) -> dict[str, tuple[str, str]]:
    """State and coverage of every endpoint, by resource."""
    data = await office.query("{ webhookEndpoints { nodes { resource state coverage } } }")
    return {each["resource"]: (each["state"], each["coverage"]) for each in data["webhookEndpoints"]["nodes"]}


async def an_hour_later(office: Office) -> None:
    """Let subscriptions have been enabled, and runs been made, an hour ago."""
    pool = office.services.database.pool
    await pool.execute("UPDATE webhook_endpoint SET enabled_at = now() - interval '1 hour'")
    await pool.execute("UPDATE sync_cursor SET high_water_at = now() - interval '1 hour'")


async def test_where_clio_refuses_polling_goes_on_alone(office: Office) -> None:
    await office.control.call("PATCH", "switches", {"document_webhooks": "refused"})
    await office.sync()
    await office.subscribe()
    found = await coverage(office)
    assert found["folder"] == found["document"] == ("failed", "POLLING")
    assert found["contact"] == ("enabled", "UNPROVEN")
    number = (await office.plain())["id"]
    await office.clock(1)
    await office.control.edit("documents", number, name="Renamed.pdf")
    await office.deliver()
    assert (await office.row("document", number))["name"] != "Renamed.pdf"
    await office.sync()
    assert (await office.row("document", number))["name"] == "Renamed.pdf"


async def test_where_clio_says_nothing_polling_finds_it_and_it_shows(office: Office) -> None:
    await office.control.call("PATCH", "switches", {"document_webhooks": "silent"})
    await office.sync()
    await office.subscribe()
    assert set((await coverage(office)).values()) == {("enabled", "UNPROVEN")}
    await an_hour_later(office)
    matter = min(await office.control.records("matters"))
    folder = await office.control.create("folders", name="Pleadings", parent={"id": matter, "type": "Matter"})
    document = await office.upload(folder, "Claim.pdf")
    await office.control.edit("matters", matter, description="Heard at last")
    await office.deliver()
    await office.clock(300)
    await office.sync()
    assert (await office.row("document", document))["parent_clio_id"] == folder
    found = await coverage(office)
    assert (found["folder"], found["document"]) == (("enabled", "SILENT"), ("enabled", "SILENT"))
    assert (found["contact"], found["matter"]) == (("enabled", "UNPROVEN"), ("enabled", "DELIVERING"))
    await office.control.call("PATCH", "switches", {"document_webhooks": "delivered"})
    await office.control.edit("documents", document, name="Renamed.pdf")
    await office.deliver()
    found = await coverage(office)
    assert (found["folder"], found["document"]) == (("enabled", "SILENT"), ("enabled", "DELIVERING"))


async def test_a_deletion_that_is_told_late_does_not_undo_a_restoring(office: Office) -> None:
    await office.sync()
    await office.subscribe()
    number = (await office.plain())["id"]
    await office.control.call("POST", "faults/deliveries", {"action": "delay", "seconds": 5, "model": "document"})
    await office.control.delete("documents", number)
    await office.clock(1)
    await office.control.edit("documents", number, restore=True)
    await office.deliver()
    await office.clock(5)
    await office.deliver()
    assert (await office.row("document", number))["presence"] == "present"
    told = await office.services.database.pool.fetch(
        "SELECT event, status FROM webhook_delivery WHERE record_clio_id = $1 ORDER BY id", number
    )
    assert [tuple(row) for row in told] == [("updated", "processed"), ("deleted", "processed")]


async def test_the_coverage_of_another_firm_is_not_told(office: Office) -> None:
    await office.subscribe()
    data = await office.query("{ webhookEndpoints { nodes { coverage } } }", firms=[office.firm + 1])
    assert data["webhookEndpoints"]["nodes"] == []
