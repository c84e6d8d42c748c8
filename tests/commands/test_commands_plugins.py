"""`clio-service plugins new`: what it writes installs, loads, holds its own checks and serves records, untouched."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.db.migrations import find_migrations
from core.loading import load_plugins
from core.mirror.writer import validate_records, write_records
from core.process import migrate_all
from core.services import Services
from core.settings import Settings
from core.testing.api import open_api
from tests.commands.court_dates import SCALARS, TO_ONE, specification
from tests.installing import ROOT, clio_service, install, run
from tests.mirror.scene import at


@dataclass(frozen=True)
class Written:
    """The packages that the generator wrote, and where they are installed."""

    folder: Path
    spec: Path
    site: Path
    told: str

    @property
    def packages(self) -> list[Path]:
        """The packages' folders."""
        return sorted(self.folder.glob("clio-*-plugin"))

    def module(self, name: str) -> str:
        """Return the text of a package's module."""
        return (self.folder / f"clio-{name.replace('_', '-')}-plugin" / f"clio_{name}" / "__init__.py").read_text()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A package of each kind: from a path in a specification, from a schema alone, and from nothing."""
    folder = tmp_path_factory.mktemp("scaffold")
    spec = folder / "openapi.json"
    spec.write_text(json.dumps(specification()), encoding="utf-8")
    told = ""
    for argv in (["court_dates", "--spec", str(spec)], ["tasks", "--spec", str(spec)], ["reminders"]):
        answer = clio_service(None, "plugins", "new", *argv, "--path", str(folder))
        assert answer.returncode == 0, answer.stderr
        told += answer.stdout + answer.stderr
    return Written(folder, spec, install(folder / "site", folder.glob("clio-*-plugin")), told)


def test_it_says_how_many_lines_it_wrote(written: Written) -> None:
    lines = sum(file.read_text().count("\n") for file in (written.folder / "clio-reminders-plugin").rglob("*.*"))
    assert f"{lines:5} lines in 8 files" in written.told
    assert "the specification does not say what Task is tied to" in written.told


def test_what_it_writes_loads_and_passes_the_checks(written: Written) -> None:
    listed = clio_service(written.site, "plugins", "list")
    assert "court_dates      loaded   court_date  (after contacts, matters, users)" in listed.stdout
    answer = clio_service(written.site, "plugins", "check", "court_dates", "tasks", "reminders", "--json")
    checked = ["court_dates", "reminders", "tasks"]
    assert json.loads(answer.stdout) == {"checked": checked, "problems": [], "notes": []}, answer.stderr
    assert answer.returncode == 0


def test_what_it_writes_keeps_or_explains_every_field_of_the_specification(written: Written) -> None:
    answer = clio_service(written.site, "plugins", "check", "court_dates", "tasks", "--spec", str(written.spec))
    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "2 checked, 0 problem(s)")
    readme = (written.folder / "clio-court-dates-plugin" / "README.md").read_text()
    assert {*SCALARS, *TO_ONE, "documents"} == {
        name.removesuffix("{id}") for name in re.findall(r"^\| `([^`]+)` \|", readme, re.MULTILINE)
    }
    for row in (
        "| `settings` | an object of no declared shape, for which there is no column |",
        "| `documents` | a list of Document, which needs a table of its own |",
        "| `room` | leads to CourtRoom, which no loaded plugin declares |",
    ):
        assert row in readme


def test_what_it_writes_is_clean_to_ruff_and_mypy(written: Written, tmp_path: Path) -> None:
    for package in written.packages:
        for argv in (["check"], ["format", "--check"]):
            answer = run(None, "-m", "ruff", *argv, "--no-cache", ".", cwd=package)
            assert answer.returncode == 0, answer.stdout + answer.stderr
    modules = [str(each) for package in written.packages for each in package.glob("clio_*")]
    config = str(written.packages[0] / "pyproject.toml")
    argv = ["-m", "mypy", "--config-file", config, "--cache-dir", str(tmp_path), *modules]
    checked = run(None, *argv, environment={"MYPYPATH": str(ROOT)})
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_names_that_cannot_be_used_are_clios_behind_a_prefix(written: Written) -> None:
    module = written.module("court_dates")
    for name in ("from", "firm", "select", "json"):
        assert f'    clio_{name}: str | None = Field(default=None, alias="{name}")\n' in module
    assert 'absent: ClassVar[frozenset[str]] = frozenset({"created_at"})' in module
    assert "    order: int | None = None\n" in module


def test_a_webhook_is_declared_where_clio_has_a_model(written: Written) -> None:
    assert 'webhook=WebhookModel(model="task")' in written.module("tasks")
    assert "Webhook" not in written.module("court_dates")


async def test_its_records_are_written_and_served_whatever_their_fields_are_called(
    written: Written, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(written.site))
    registry = load_plugins()
    services = Services(settings, registry)
    async with services.open():
        await migrate_all(services)
        payloads = validate_records(registry.resource("court_date"), [record(7, order=2), record(8, order=1)])
        resource = registry.resource("court_date")
        result = await write_records(
            services.database.pool, resource, firm=1, payloads=payloads, seen_at=at(0), source="backfill"
        )
        assert result.created == 2
    assert "created_at" not in resource.endpoint.fields
    assert ",from," in resource.endpoint.fields
    async with open_api(settings, registry) as api:
        answer = await api.query(
            """{ courtDates(orderBy: [{field: ORDER, direction: ASC}], filter: {clioFrom: {eq: "chambers"}}) {
                nodes { clioId order clioFrom docket fee tags continuedFrom { clioId } } } }""",
            firms=[1],
        )
    second = {"order": 2, "clioFrom": "chambers", "docket": "9007199254740993", "fee": "12.5", "tags": ["a", "b"]}
    assert answer.data["courtDates"]["nodes"] == [
        {**second, "clioId": "8", "order": 1, "continuedFrom": {"clioId": "7"}},
        {**second, "clioId": "7", "continuedFrom": {"clioId": "7"}},
    ]


def record(number: int, *, order: int) -> dict[str, Any]:
    return {
        "id": number,
        "updated_at": at(0).isoformat(),
        "order": order,
        "from": "chambers",
        "docket": 9007199254740993,
        "fee": 12.5,
        "tags": ["a", "b"],
        "continued_from": {"id": 7},
    }


def test_its_migration_has_its_way_back(written: Written) -> None:
    for package in written.packages:
        [folder] = package.glob("clio_*/migrations")
        [step] = find_migrations("a test", folder)
        assert "\nDROP TABLE " in step.down.read_text()
        assert "\nCREATE TABLE " in step.up.read_text()


def test_its_contract_test_declares_what_clio_has(written: Written) -> None:
    text = (written.folder / "clio-court-dates-plugin" / "tests" / "test_contract.py").read_text()
    assert "from core.testing.contract import Declared, ResourceContract" in text
    assert "class TestCourtDate(ResourceContract):" in text
    for part in ("id:i64", "fee:f64", "minutes:i32", "day:date", "tags:strings", "matter:Matter=key"):
        assert part in text
    assert 'creates = {"subject": "Example"}' in text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["Tasks"], "plugin name 'Tasks' cannot be used: give Clio's plural"),
        (["my-tasks"], "cannot be used"),
        (["task"], "plugin name 'task' is no plural: give the word as in Clio's path, such as tasks"),
        (["dates"], "a type cannot be called Date"),
        (["contacts"], "plugin contacts has the list contacts already"),
        (["people", "--resource", "users", "--spec", "SPEC"], "plugin users has the list users already"),
        (["court_date_rooms", "--spec", "SPEC"], "no court_date_rooms.json and no schema CourtDateRoom_base: did you"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(argv: list[str], said: str, written: Written, tmp_path: Path) -> None:
    given = [str(written.spec) if each == "SPEC" else each for each in argv]
    answer = clio_service(None, "plugins", "new", *given, "--path", str(tmp_path))
    assert (answer.returncode, said in answer.stderr) == (1, True), answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(written: Written) -> None:
    before = written.module("reminders")
    answer = clio_service(None, "plugins", "new", "reminders", "--path", str(written.folder))
    assert answer.returncode == 1
    assert "is there already, and nothing is overwritten" in answer.stderr
    assert written.module("reminders") == before


def test_a_file_that_is_no_specification_is_refused(tmp_path: Path) -> None:
    for text, said in (("not json", "is no JSON"), ("{}", "has no paths and components.schemas")):
        file = tmp_path / "openapi.json"
        file.write_text(text, encoding="utf-8")
        answer = clio_service(None, "plugins", "new", "tasks", "--spec", str(file), "--path", str(tmp_path))
        assert (answer.returncode, said in answer.stderr) == (1, True), answer.stderr
