"""The files of a plugin's migrations, and whether they make what its tables declare."""

import re
from collections.abc import Iterator
from pathlib import Path

from core.checks.findings import Problem
from core.resource import Resource

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.(up|down)\.sql\Z")
_INDEX = re.compile(r'CREATE\s+(?:UNIQUE\s+)?INDEX\b[^;(]*?\bON\s+"?(\w+)"?[^;(]*\(([^;]*)\)', re.IGNORECASE)


def check_files(folder: Path) -> Iterator[Problem]:
    """Yield what is wrong with the names in a folder: each `.up.sql` has its `.down.sql`, numbers run from 0001 on."""
    steps: dict[str, set[str]] = {}
    numbers = []
    for file in sorted(folder.glob("*.sql")):
        match = _FILE.match(file.name)
        if match is None:
            yield _problem(file.name, "is not named NNNN_name.up.sql or NNNN_name.down.sql", "rename it")
            continue
        steps.setdefault(file.name.removesuffix(f".{match[2]}.sql"), set()).add(match[2])
    for name, found in steps.items():
        numbers.append(int(name[:4]))
        for missing in sorted({"up", "down"} - found):
            yield _problem(name, f"has no .{missing}.sql", f"write {name}.{missing}.sql beside the other")
    if not steps:
        yield _problem(folder.name, "has no migration in it", "write 0001_<name>.up.sql and .down.sql")
    elif numbers != list(range(1, len(numbers) + 1)):
        listed = ", ".join(f"{number:04}" for number in numbers)
        yield _problem(
            folder.name, f"has the numbers {listed}", "number them 0001, 0002, ... without a gap or a repeat"
        )


def check_table(resource: Resource, folder: Path | None) -> Iterator[Problem]:
    """Yield what the migrations leave out of a resource's table: the table, a column, an index of an edge."""
    sql = "" if folder is None else "\n".join(_statements(file) for file in sorted(folder.glob("*.up.sql")))
    table = resource.table_name
    if not re.search(rf"CREATE\s+TABLE\b[^;(]*\b{table}\b", sql, re.IGNORECASE):
        yield _problem(table, "is created by no migration", "create it in one, and return the folder from migrations()")
        return
    for name in resource.columns:
        if not re.search(rf"\b{name}\b", sql):
            yield _problem(f"{table}.{name}", "is in the table and in no migration", "add the column in a migration")
    indexed = {word for found, inside in _INDEX.findall(sql) if found == table for word in re.findall(r"\w+", inside)}
    for edge in resource.edges:
        if edge.reverse is not None and edge.column not in indexed:
            step = f"CREATE INDEX {table}_{edge.column} ON {table} (firm, {edge.column}, clio_id)"
            yield _problem(f"{table}.{edge.column}", f"is followed by the edge {edge.name} and has no index", step)


def _statements(file: Path) -> str:
    """Return a file without its comments."""
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)


def _problem(thing: str, wrong: str, step: str) -> Problem:
    return Problem(thing=thing, wrong=wrong, step=step)
