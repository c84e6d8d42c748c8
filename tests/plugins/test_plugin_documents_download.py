"""`documentDownload`: an address for the caller alone, asked of Clio only for what is the caller's."""

import datetime
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from core.logging import configure_logging
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.api import gid
from core.testing.driving import CLIENT_ID, Control
from plugins.documents.download import expiry_of
from tests.plugins.documents_office import Office, open_office

DOWNLOAD = """mutation ($id: ID!, $version: ID) { documentDownload(id: $id, version: $version) {
  url expiresAt errors { code message path } } }"""


@pytest.fixture
async def office(
    settings: Settings, services: Services, registry: Registry, control: Control, firm: int
) -> AsyncIterator[Office]:
    async with open_office(settings, services, registry, control, firm) as made:
        await made.sync("document", "document_version")
        yield made


async def download(office: Office, document: int, version: int | None = None, **options: Any) -> Any:
    given = None if version is None else gid("DocumentVersion", office.firm, version)
    data = await office.query(DOWNLOAD, id=gid("Document", office.firm, document), version=given, **options)
    return data["documentDownload"]


async def asked(office: Office) -> list[dict[str, Any]]:
    """The downloads that Clio was asked for."""
    entries = await office.control.requests("/api/v4/documents/")
    return [each for each in entries if each["path"].endswith("/download.json")]


async def several_versions(office: Office) -> tuple[int, list[int]]:
    """A document that can be read, and its versions in order."""
    versions = (await office.rows("document_version")).values()
    for number, row in (await office.rows("document")).items():
        if row["presence"] == "present" and row["latest_version_number"] > 1:
            own = [each for each in versions if each["document_clio_id"] == number]
            return number, [each["clio_id"] for each in sorted(own, key=lambda each: each["version_number"])]
    raise AssertionError("no document has several versions")


async def size_at(url: str) -> int:
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(url)
    assert answer.status_code == 200, answer.text
    return len(answer.content)


async def test_the_address_opens_the_latest_version_for_some_minutes(office: Office) -> None:
    number, versions = await several_versions(office)
    before = datetime.datetime.now(datetime.UTC)
    found = await download(office, number)
    assert found["errors"] == []
    assert await size_at(found["url"]) == (await office.row("document_version", versions[-1]))["size"]
    assert abs(datetime.datetime.fromisoformat(found["expiresAt"]) - before) < datetime.timedelta(minutes=11)
    [request] = await asked(office)
    assert request["path"] == f"/api/v4/documents/{number}/download.json"
    assert len(await office.control.requests("/__storage__/")) == 1


async def test_the_address_of_one_version(office: Office) -> None:
    number, versions = await several_versions(office)
    found = await download(office, number, versions[0])
    assert await size_at(found["url"]) == (await office.row("document_version", versions[0]))["size"]
    [request] = await asked(office)
    assert f"document_version_id={versions[0]}" in str(request["query"])


async def test_what_is_not_the_callers_is_not_found_and_clio_is_not_asked(office: Office) -> None:
    number, _ = await several_versions(office)
    other = next(
        row["clio_id"] for row in (await office.rows("document_version")).values() if row["document_clio_id"] != number
    )
    foreign = {"errors": [{"code": "NOT_FOUND", "message": "there is no such document", "path": ["id"]}]}
    nothing = {"url": None, "expiresAt": None}
    assert await download(office, number, firms=[office.firm + 1]) == nothing | foreign
    assert await download(office, 12345) == nothing | foreign
    for version in (other, 12345):
        found = await download(office, number, version)
        assert [(each["code"], each["path"]) for each in found["errors"]] == [("NOT_FOUND", ["version"])]
    data = await office.query(DOWNLOAD, id=gid("Folder", office.firm, number), version=None)
    assert data["documentDownload"]["errors"][0]["code"] == "BAD_USER_INPUT"
    assert await asked(office) == []


async def test_the_scope_write_is_needed(office: Office) -> None:
    number, _ = await several_versions(office)
    answer = await office.answer(DOWNLOAD, scopes=("read",), id=gid("Document", office.firm, number))
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    assert await asked(office) == []


@pytest.mark.parametrize(
    ("status", "code"), [(404, "CLIO_NOT_FOUND"), (403, "CLIO_FORBIDDEN"), (429, "CLIO_RATE_LIMITED")]
)
async def test_what_clio_refuses_is_in_the_errors(office: Office, status: int, code: str) -> None:
    number, _ = await several_versions(office)
    await office.control.fail(status=status, prefix="/api/v4/documents/", retry_after=7 if status == 429 else None)
    found = await download(office, number)
    assert [each["code"] for each in found["errors"]] == [code]
    assert (found["url"], found["expiresAt"]) == (None, None)
    assert len(await asked(office)) == 1


async def test_a_trashed_document_is_not_found_at_clio(office: Office) -> None:
    number = next(number for number, row in (await office.rows("document")).items() if row["presence"] == "deleted")
    assert [each["code"] for each in (await download(office, number))["errors"]] == ["CLIO_NOT_FOUND"]


async def test_a_passing_fault_and_an_expired_token_are_overcome(office: Office) -> None:
    number, _ = await several_versions(office)
    await office.control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await office.control.fail(status=503, prefix="/api/v4/documents/")
    assert (await download(office, number))["errors"] == []


async def test_no_log_line_and_no_row_holds_the_address(office: Office) -> None:
    number, _ = await several_versions(office)
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    try:
        found = await download(office, number)
        await office.control.fail(status=422, prefix="/api/v4/documents/")
        assert (await download(office, number))["errors"] != []
        await office.query("{ documents(first: 1) { nodes { name } } }")
    finally:
        configure_logging("info")
    text = stream.getvalue()
    url = httpx.URL(found["url"])
    for secret in (found["url"], url.path, url.params["X-Amz-Signature"]):
        assert secret not in text
    tables = await office.services.database.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for row in tables:
        held = f"SELECT count(*) FROM \"{row['tablename']}\" AS each WHERE each::text LIKE '%X-Amz-%'"
        assert await office.services.database.pool.fetchval(held) == 0


@pytest.mark.parametrize(
    ("query", "expiry"),
    [
        ("X-Amz-Date=20261102T170000Z&X-Amz-Expires=600", "2026-11-02T17:10:00+00:00"),
        ("X-Amz-Date=20261102T170000Z", None),
        ("X-Amz-Expires=600", None),
        ("X-Amz-Date=yesterday&X-Amz-Expires=600", None),
        ("X-Amz-Date=20261102T170000Z&X-Amz-Expires=soon", None),
        ("X-Amz-Date=20261102T170000Z&X-Amz-Expires=99999999999999999999", None),
        ("", None),
    ],
)
def test_when_an_address_ends(query: str, expiry: str | None) -> None:
    found = expiry_of(f"https://files.example.com/a.pdf?{query}")
    assert (None if found is None else found.isoformat()) == expiry
