"""`examples/clio-tasks-plugin`: a resource in 150 lines, which needs no change anywhere else."""

import re
import shutil
from pathlib import Path

import pytest

from tests.installing import ROOT, clio_service, install, run

PACKAGE = ROOT / "examples" / "clio-tasks-plugin"
LINES_MAX = 150


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example, built from a copy of its source."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    return install(folder / "site", [source])


def test_it_is_written_by_hand_in_few_lines() -> None:
    counted = {}
    for file in sorted(PACKAGE.rglob("*")):
        if file.suffix in {".md", ".py", ".sql", ".toml"} and ".egg-info" not in str(file):
            text = file.read_text(encoding="utf-8")
            lines = sum(1 for line in text.splitlines() if line.strip())
            counted[file] = 0 if text.startswith("-- Generated") else lines
    total = sum(counted.values())
    print(*(f"{lines:4} {file.relative_to(PACKAGE)}" for file, lines in counted.items()), f"{total:4} in all", sep="\n")  # noqa: T201
    assert len(counted) == 7
    assert total <= LINES_MAX


def test_it_loads_and_passes_the_checks(installed: Path) -> None:
    listed = clio_service(installed, "plugins", "list")
    assert re.search(r"^tasks +loaded   task  \(after matters\)$", listed.stdout, re.MULTILINE), listed.stderr
    checked = clio_service(installed, "plugins", "check", "tasks")
    assert (checked.returncode, checked.stdout) == (0, "1 checked, 0 problem(s)\n")


def test_its_type_and_both_ends_of_its_edge_are_in_the_schema(installed: Path) -> None:
    printed = clio_service(installed, "schema", "print").stdout
    types = dict(re.findall(r"^type (\w+)[^{]*\{(.*?)^\}", printed, re.MULTILINE | re.DOTALL))
    assert "\n  matter: Matter\n" in types["Task"]
    assert "\n  dueAt: Date\n" in types["Task"]
    assert "\n  tasks(" in types["Matter"]
    assert "\n  tasks(" in types["Query"]


def test_it_changes_no_file_outside_its_package(installed: Path) -> None:
    assert {file.name for file in installed.iterdir()} == {"clio_tasks", "clio_tasks_plugin-0.1.0.dist-info"}
    named = [
        str(file.relative_to(ROOT))
        for package in ("core", "schema", "plugins", "mock_clio")
        for file in (ROOT / package).rglob("*.py")
        if re.search(r"\bclio_tasks\b|\btasks_task\b", file.read_text(encoding="utf-8"))
    ]
    assert named == []


def test_its_types_are_strict(tmp_path: Path) -> None:
    argv = ["-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "clio_tasks"]
    answer = run(None, *argv, cwd=PACKAGE, environment={"MYPYPATH": str(ROOT)})
    assert answer.returncode == 0, answer.stdout + answer.stderr
