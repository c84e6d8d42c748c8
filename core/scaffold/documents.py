"""What surrounds the module of a new plugin: package file, migration, README and contract test."""

import textwrap
from collections.abc import Sequence
from string import Template

from core.scaffold.code import call, quoted
from core.scaffold.kinds import BOOLEAN, TEXT
from core.scaffold.naming import cut_identifier, with_article, words
from core.scaffold.plan import Plan

_PYPROJECT = Template("""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "Adds Clio's $words to the mirror."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["clio-integration-service"]

[project.optional-dependencies]
dev = ["clio-integration-service[testing]", "mypy", "ruff"]

[project.entry-points."clio_service.plugins"]
$name = "$module"

[tool.hatch.build.targets.wheel]
packages = ["$module"]

[tool.pytest.ini_options]
testpaths = ["tests"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"

[tool.mypy]
strict = true
python_version = "3.11"

[tool.ruff]
line-length = 120
target-version = "py311"

[tool.ruff.lint]
select = ["A", "ANN", "B", "D", "E", "F", "I", "N", "PT", "RUF", "SIM", "UP", "W"]

[tool.ruff.lint.isort]
known-first-party = ["core", "schema", "$module"]

[tool.ruff.lint.per-file-ignores]
"tests/**" = ["D100", "RUF012"]

[tool.ruff.lint.pydocstyle]
convention = "google"
""")

_README = Template("""\
# $distribution

Mirrors Clio's $words into the Clio Integration Service, as a plugin in a package of its own.

```sh
pip install -e '.[dev]'
clio-service plugins check $name  # the declaration, the migration, this file
python -m pytest  # the contract that every resource is held to
```

The service then migrates and backfills at its next start. $webhook

## $type_name: kept

| field of Clio's | column | what it is |
|---|---|---|
$kept

## $type_name: left out

$left_out
""")

_TEST = Template('''\
"""Holds $words to the contract of every resource."""

from core.testing.contract import Declared, ResourceContract


class Test$type_name(ResourceContract):
    """Clio's $words as the mock Clio serves them, and one of them created and changed."""

    resource = "$singular"
$declared
    creates = {$creates}
    changes = {$changes}
''')

CONFTEST = '''\
"""Fixtures of the contract: real servers and a mock Clio."""

pytest_plugins = ["core.testing.fixtures"]
'''

_GENERATED = "-- Generated with the table by `clio-service plugins new`. Once applied, it stays as it is."

_COMMON_SQL = """\
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,"""

_COMMON_WORDS = {
    "id": "Clio's id of the record",
    "etag": "Clio's version of the record",
    "created_at": "when Clio created it",
    "updated_at": "when Clio last changed it, whole seconds",
}


def pyproject_text(plan: Plan) -> str:
    """Return the package's `pyproject.toml`."""
    return _PYPROJECT.substitute(
        distribution=plan.distribution, words=words(plan.name), name=plan.name, module=plan.module
    )


def up_text(plan: Plan) -> str:
    """Return the migration that makes the table, with an index for every edge."""
    columns = [(field.name, field.kind.sql) for field in plan.fields]
    columns += [(edge.column, "bigint") for edge in plan.edges]
    lines = [
        _GENERATED,
        f"CREATE TABLE {plan.table} (",
        _COMMON_SQL,
        *(f'    "{name}" {sql},' for name, sql in columns),
        f"    CONSTRAINT {plan.table}_firm_clio_id UNIQUE (firm, clio_id)",
        ");",
    ]
    lines += [""] if plan.edges else []
    for edge in plan.edges:
        index = cut_identifier(f"{plan.table}_{edge.column}")
        lines += [f"CREATE INDEX {index} ON {plan.table} (firm, {edge.column}, clio_id);"]
    return "\n".join(lines) + "\n"


def down_text(plan: Plan) -> str:
    """Return the migration that takes the table back."""
    return f"{_GENERATED}\nDROP TABLE {plan.table};\n"


def readme_text(plan: Plan) -> str:
    """Return the README, which lists every field: kept, or left out with the reason."""
    kept = [f"| `{field}` | `{column}` | {_COMMON_WORDS[field]} |" for field, column in plan.common.items()]
    kept += [f"| `{each.clio}` | `{each.name}` | {_cell(each.description)} |" for each in plan.fields]
    for edge in plan.edges:
        gained = f"; {edge.to} gains `{edge.reverse}`" if edge.reverse else ""
        kept.append(f"| `{edge.clio}{{id}}` | `{edge.column}` | edge `{edge.name}` to {edge.to}{gained} |")
    polled = "Clio has no webhook model for it, so it is polled."
    return _README.substitute(
        distribution=plan.distribution,
        words=words(plan.name),
        name=plan.name,
        type_name=plan.type_name,
        webhook=f"Clio's webhook model `{plan.webhook}` tells of changes." if plan.webhook else polled,
        kept="\n".join(kept),
        left_out=_left_out(plan),
    )


def _left_out(plan: Plan) -> str:
    rows = [f"| `{name}` | {_cell(reason)} |" for name, reason in plan.left_out]
    table = "\n".join(["| field of Clio's | why |", "|---|---|", *rows]) if rows else "Nothing that is known of."
    if plan.spec is None:
        return f"{table} Clio has more fields than these: list each here, with the reason it is not kept."
    if plan.spec.associations is None:
        what = with_article(words(plan.singular))
        note = (
            f"Clio's associations of {what} are not listed: the specification that was read has its own fields alone."
        )
        return f"{textwrap.fill(note, 120)}\n\n{table}" if rows else textwrap.fill(note, 120)
    return table


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def test_text(plan: Plan) -> str:
    """Return the contract test."""
    name, before, after = _example(plan)
    arguments = [
        f"path={quoted(plan.path)}",
        f"schema={quoted(plan.type_name)}",
        *_notation("scalars", plan.mock_scalars),
    ]
    arguments += _notation("associations", [f"{edge.clio}:{edge.to}=key" for edge in plan.edges])
    arguments.append(f"permission={quoted(plan.name)}")
    arguments += [f"model={quoted(plan.webhook)}"] if plan.webhook else []
    return _TEST.substitute(
        words=words(plan.name),
        type_name=plan.type_name,
        singular=plan.singular,
        declared="\n".join(call(4, "declared = Declared", arguments)),
        creates=f"{quoted(name)}: {before}" if name else "",
        changes=f"{quoted(name)}: {after}" if name else "",
    )


def _notation(argument: str, parts: Sequence[str]) -> list[str]:
    """Return an argument whose text is words, on as many lines as it needs."""
    if not parts:
        return []
    if len(f"        {argument}={quoted(' '.join(parts))},") <= 120:
        return [f"{argument}={quoted(' '.join(parts))}"]
    text = " ".join(parts)
    lines = [text] if len(text) <= 106 else textwrap.wrap(text, 105, break_long_words=False, break_on_hyphens=False)
    spaced = [f"            {quoted(line + ' ' * (line != lines[-1]))}" for line in lines]
    return ["\n".join([f"{argument}=(", *spaced, "        )"])]


def _example(plan: Plan) -> tuple[str, str, str]:
    """Return a field to create and change a record by, with two values as code; empty where none is plain enough."""
    closed = {each.name for each in plan.spec.scalars.values() if each.enum} if plan.spec else set()
    texts = [field.clio for field in plan.fields if field.kind == TEXT and field.clio not in closed]
    for name in ("name", "subject", "summary", "description", *texts):
        if name in texts:
            return name, '"Example"', '"Changed"'
    switches = [field.clio for field in plan.fields if field.kind == BOOLEAN]
    return (switches[0], "True", "False") if switches else ("", "", "")
