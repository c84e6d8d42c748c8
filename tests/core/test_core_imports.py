"""Which way imports run, read from the source."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "core": {"schema", "plugins", "mock_clio", "dashboard"},
    "schema": {"plugins", "mock_clio", "dashboard"},
    "plugins": {"mock_clio", "dashboard"},
    "mock_clio": {"core", "schema", "plugins", "dashboard"},
    "dashboard": {"core", "schema", "plugins", "mock_clio"},
}
KIT = ROOT / "core" / "testing"
KIT_NEEDS = {"mock_clio"}


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def imported_modules(file: Path) -> Iterator[str]:
    """Yield what a file imports, with `from a import b` as both a and a.b."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_never_run_upwards(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in (ROOT / package).rglob("*.py")
        for name in imports_of(file)
        if name.split(".")[0] in FORBIDDEN[package] - (KIT_NEEDS if KIT in file.parents else set())
    ]
    assert wrong == []


def test_the_service_runs_without_the_test_kit_and_what_it_needs() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for package in FORBIDDEN
        for file in (ROOT / package).rglob("*.py")
        if KIT not in file.parents
        for name in imported_modules(file)
        if name.startswith("core.testing") or name.split(".")[0] in {"pytest", "pytest_asyncio", "hypothesis"}
    ]
    assert wrong == []


def test_a_plugin_imports_of_another_only_what_it_requires() -> None:
    wrong = []
    for folder in (each for each in (ROOT / "plugins").iterdir() if (each / "plugin.py").is_file()):
        required = importlib.import_module(f"plugins.{folder.name}.plugin").requires
        for file in folder.rglob("*.py"):
            for name in imports_of(file):
                parts = name.split(".")
                if parts[0] == "plugins" and len(parts) > 1 and parts[1] not in {folder.name, *required}:
                    wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_no_module_imports_itself_on_a_detour() -> None:
    """Type-only imports count, too: a circle of types is a circle to whoever reads."""
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for package in ("core", "schema", "plugins", "mock_clio")
        for file in (ROOT / package).rglob("*.py")
    }
    graph = {name: {each for each in imported_modules(file) if each in files} - {name} for name, file in files.items()}
    while leaves := {name for name, needed in graph.items() if not needed}:
        graph = {name: needed - leaves for name, needed in graph.items() if name not in leaves}
    assert graph == {}


def test_files_and_functions_stay_small() -> None:
    wrong = []
    for package in ("core", "schema", "plugins", "mock_clio", "dashboard", "bench", "tests", "examples"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if text.count("\n") > 400:
                wrong.append(f"{file.relative_to(ROOT)} has {text.count(chr(10))} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    if length > 50:
                        wrong.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines")
    assert wrong == []
