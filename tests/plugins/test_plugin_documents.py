"""Folders, documents and versions in the mirror: complete, kept fresh by webhooks and polls, quiet without news."""

from collections.abc import AsyncIterator
from typing import Any

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


def filed(record: dict[str, Any]) -> dict[str, Any]:
    """What the mirror should have of a folder or document."""
    found = {name: record[name] for name in ("name", "locked", "etag")}
    found |= {f"{name}_clio_id": (record[name] or {}).get("id") for name in ("parent", "matter", "contact", "creator")}
    return found | {"presence": "present" if record["deleted_at"] is None else "deleted"}


async def version_requests(office: Office) -> list[int]:
    """The documents whose versions were asked for, in order."""
    entries = await office.control.requests("/api/v4/documents/")
    return [int(each["path"].split("/")[4]) for each in entries if each["path"].endswith("/versions.json")]


async def test_a_backfill_mirrors_everything_the_trash_included(office: Office) -> None:
    await office.sync()
    for resource in ("folder", "document"):
        wanted = await office.control.records(f"{resource}s")
        found = await office.rows(resource)
        assert {number: {name: row[name] for name in filed(wanted[number])} for number, row in found.items()} == {
            number: filed(record) for number, record in wanted.items()
        }
    documents = await office.rows("document")
    assert {row["presence"] for row in documents.values()} == {"present", "deleted"}
    assert all((row["presence"] == "deleted") == (row["deleted_at"] is not None) for row in documents.values())


async def test_versions_are_asked_for_only_where_the_mirror_lacks_some(office: Office) -> None:
    await office.sync()
    documents = await office.rows("document")
    versions = (await office.rows("document_version")).values()
    present = {number: row for number, row in documents.items() if row["presence"] == "present"}
    for number, row in present.items():
        numbers = sorted(each["version_number"] for each in versions if each["document_clio_id"] == number)
        assert numbers == list(range(1, row["latest_version_number"] + 1))
    several = sorted(number for number, row in present.items() if row["latest_version_number"] > 1)
    assert await version_requests(office) == several
    await office.sync()
    assert await version_requests(office) == several


async def test_a_version_is_the_same_row_whichever_way_it_came(office: Office) -> None:
    await office.sync("document")
    embedded = await office.rows("document_version")
    await office.sync("document_version")
    listed = await office.rows("document_version")
    assert len(listed) > len(embedded)
    assert {number: listed[number] for number in embedded} == embedded
    operations = await office.services.database.pool.fetch(
        "SELECT DISTINCT operation FROM change WHERE resource = 'document_version'"
    )
    assert [row["operation"] for row in operations] == ["created"]


async def test_a_second_sync_of_an_unchanged_firm_writes_nothing(office: Office) -> None:
    await office.sync()
    before = await office.changes()
    again = await office.sync(full=True) + await office.sync()
    assert [(run["records_created"], run["records_updated"]) for run in again] == [(0, 0)] * 6
    assert await office.changes() == before


async def test_versions_made_between_two_looks_are_completed(office: Office) -> None:
    await office.sync()
    document = await office.plain()
    number, latest = document["id"], document["latest_document_version"]["version_number"]
    for round_ in range(3):
        await office.clock(1)
        await office.upload(number, f"Draft {round_}.docx", kind="Document", size=10 + round_)
    before = await version_requests(office)
    await office.sync()
    versions = [row for row in (await office.rows("document_version")).values() if row["document_clio_id"] == number]
    assert sorted(row["version_number"] for row in versions) == list(range(1, latest + 4))
    assert (await version_requests(office))[len(before) :] == [number]
    assert (await office.row("document", number))["latest_version_number"] == latest + 3


async def test_webhooks_bring_documents_versions_and_folders(office: Office) -> None:
    await office.sync()
    await office.subscribe()
    matter = {"id": min(await office.control.records("matters")), "type": "Matter"}
    folder = await office.control.create("folders", name="Pleadings", parent=matter)
    document = await office.upload(folder, "Claim.pdf", size=3_000_000_000)
    await office.clock(1)
    await office.upload(document, "Claim, second.pdf", kind="Document", size=77)
    fetches = len(await office.control.requests("/api/v4/documents/"))
    await office.deliver()
    assert (await office.row("folder", folder))["matter_clio_id"] == matter["id"]
    row = await office.row("document", document)
    assert (row["size"], row["latest_version_number"], row["parent_clio_id"]) == (77, 2, folder)
    assert len(await office.control.requests("/api/v4/documents/")) == fetches
    versions = [
        each for each in (await office.rows("document_version")).values() if each["document_clio_id"] == document
    ]
    assert {each["clio_id"] for each in versions} >= {row["latest_version_clio_id"]}
    await office.sync("document_version")
    versions = [
        each for each in (await office.rows("document_version")).values() if each["document_clio_id"] == document
    ]
    assert {each["version_number"]: each["size"] for each in versions} == {1: 3_000_000_000, 2: 77}


class TestTrash:
    """`presence` follows `deleted_at`."""

    async def test_what_polls_tell(self, office: Office) -> None:
        await office.sync()
        number = (await office.plain())["id"]
        await office.control.delete("documents", number)
        await office.sync()
        trashed = await office.row("document", number)
        assert (trashed["presence"], trashed["deleted_at"] is None) == ("deleted", False)
        await office.clock(1)
        await office.control.edit("documents", number, restore=True)
        await office.sync()
        restored = await office.row("document", number)
        assert (restored["presence"], restored["deleted_at"]) == ("present", None)
        assert await office.operations("document", number) == ["created", "deleted", "restored"]

    async def test_what_webhooks_tell_and_polls_confirm(self, office: Office) -> None:
        await office.sync()
        await office.subscribe()
        number = (await office.plain())["id"]
        await office.control.delete("documents", number)
        await office.deliver()
        told = await office.row("document", number)
        assert (told["presence"], told["deleted_at"]) == ("deleted", None)
        await office.sync()
        confirmed = await office.row("document", number)
        assert (confirmed["presence"], confirmed["deleted_at"] is None) == ("deleted", False)
        assert await office.operations("document", number) == ["created", "deleted", "updated"]
        before = await office.changes()
        await office.sync()
        await office.sync(full=True)
        assert await office.changes() == before
        await office.clock(1)
        await office.control.edit("documents", number, restore=True)
        await office.deliver()
        restored = await office.row("document", number)
        assert (restored["presence"], restored["deleted_at"]) == ("present", None)
        assert await office.operations("document", number) == ["created", "deleted", "updated", "restored"]

    async def test_a_folder_takes_its_contents_along_and_back(self, office: Office) -> None:
        matter = {"id": min(await office.control.records("matters")), "type": "Matter"}
        folder = await office.control.create("folders", name="Pleadings", parent=matter)
        inner = await office.control.create("folders", name="Old", parent={"id": folder, "type": "Folder"})
        document = await office.upload(inner, "Claim.pdf")
        await office.sync()
        for presence, act in (
            ("deleted", office.control.delete("folders", folder)),
            ("present", office.control.edit("folders", folder, restore=True)),
        ):
            await office.clock(1)
            await act
            await office.sync()
            found = [await office.row("folder", folder), await office.row("folder", inner)]
            found.append(await office.row("document", document))
            assert [row["presence"] for row in found] == [presence] * 3

    async def test_what_is_purged_stays_deleted(self, office: Office) -> None:
        await office.sync()
        number = (await office.plain())["id"]
        await office.control.delete("documents", number)
        await office.sync()
        await office.clock(31 * 86_400)
        assert number not in await office.control.records("documents")
        await office.sync(full=True)
        assert (await office.row("document", number))["presence"] == "deleted"
        assert await office.operations("document", number) == ["created", "deleted"]

    async def test_reconciling_agrees_on_the_trash(self, office: Office) -> None:
        await office.sync()
        number = (await office.plain())["id"]
        await office.control.delete("documents", number)
        await office.sync()
        nothing = {"missing": 0, "stale": 0, "extra": 0, "repaired": 0, "deleted": 0, "requests": 1}
        assert await office.reconcile("folder") == await office.reconcile("document") == nothing

    async def test_reconciling_brings_back_what_was_restored_unheard(self, office: Office) -> None:
        await office.sync()
        await office.clock(-3600)
        number = (await office.plain())["id"]
        await office.services.database.pool.execute(
            "UPDATE documents_document SET presence = 'deleted' WHERE clio_id = $1", number
        )
        found = await office.reconcile("document")
        assert (found["missing"], found["repaired"], found["requests"]) == (1, 1, 2)
        assert (await office.row("document", number))["presence"] == "present"

    async def test_lists_leave_the_trash_out_unless_asked(self, office: Office) -> None:
        await office.sync()
        rows = await office.rows("document")
        data = await office.query(
            "{ kept: documents { totalCount } trash: documents(filter: {presence: {in: [DELETED]}}) "
            "{ totalCount nodes { presence deletedAt } } }"
        )
        counts = {
            presence: sum(row["presence"] == presence for row in rows.values()) for presence in ("present", "deleted")
        }
        assert counts["deleted"] > 0
        assert (data["kept"]["totalCount"], data["trash"]["totalCount"]) == (counts["present"], counts["deleted"])
        assert all(node["deletedAt"] for node in data["trash"]["nodes"])
