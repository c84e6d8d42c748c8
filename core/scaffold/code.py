"""The Python of a new plugin: one module with payload, table, GraphQL type and declaration, in the house format."""

import json
from collections.abc import Iterable, Iterator, Sequence

from core.scaffold.kinds import BIGINT
from core.scaffold.naming import with_article, words
from core.scaffold.plan import COMMON_FIELDS, Plan, PlannedEdge, PlannedField

WIDTH = 120

GROW = (
    "Every further field is one line here, one in the table, one in the type and one in the migration, each under the",
    "name Clio has for it; Clio answers 400 to a name it does not know. An association of which the id is enough is a",
    "core.resource.Reference here, a BigInt `<name>_clio_id` in the table, and a ToOne in the declaration below.",
)


def module_text(plan: Plan) -> str:
    """Return the module, formatted as `ruff format` leaves it."""
    parts = [_head(plan), _payload(plan), _table(plan), _type(plan), _resource(plan), _hooks(plan)]
    return "\n\n\n".join("\n".join(part) for part in parts) + "\n"


def call(indent: int, head: str, arguments: Sequence[str], tail: str = "") -> list[str]:
    """Return a call as lines: on one where it fits, else its arguments on one, else each on its own.

    So it is written at once where an argument has lines of its own already.
    """
    pad = " " * indent
    joined = ", ".join(arguments)
    if "\n" in joined:
        return [f"{pad}{head}(", *(f"{pad}    {each}," for each in arguments), f"{pad}){tail}"]
    if len(f"{pad}{head}({joined}){tail}") <= WIDTH:
        return [f"{pad}{head}({joined}){tail}"]
    if len(f"{pad}    {joined}") <= WIDTH:
        return [f"{pad}{head}(", f"{pad}    {joined}", f"{pad}){tail}"]
    return [f"{pad}{head}(", *(f"{pad}    {each}," for each in arguments), f"{pad}){tail}"]


def quoted(text: str) -> str:
    """Return a string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _head(plan: Plan) -> list[str]:
    kinds = [field.kind for field in plan.fields]
    columns = {kind.column for kind in kinds} | ({BIGINT.column} if plan.edges else set())
    columns |= {"Text"} if any(kind.options for kind in kinds) else set()
    ours = {"ClioEndpoint", "ClioPayload", "MirrorTable", "Resource"}
    ours |= {"Reference", "ToOne"} if plan.edges else set()
    ours |= {"WebhookModel"} if plan.webhook else set()
    renamed = any(f.clio != f.name for f in plan.fields) or any(e.clio != e.name for e in plan.edges)
    annotations = " ".join(kind.python for kind in kinds)
    requires = "".join(f"{quoted(name)}, " for name in plan.requires)
    requires = requires[:-1] if len(plan.requires) == 1 else requires[:-2]
    return [
        f'"""{words(plan.name).capitalize()} of Clio\'s, mirrored. Begun by `clio-service plugins new`."""',
        "",
        *(["import datetime"] if "datetime." in annotations else []),
        *(["from decimal import Decimal"] if "Decimal" in annotations else []),
        "from pathlib import Path",
        *(["from typing import ClassVar"] if plan.absent else []),
        "",
        "import strawberry",
        *([f"from piccolo.columns import {', '.join(sorted(columns))}"] if columns else []),
        "from piccolo.constraints import Unique",
        *(["from pydantic import Field"] if renamed else []),
        "",
        "from core.hookspecs import hookimpl",
        f"from core.resource import {', '.join(sorted(ours))}",
        "from schema.types.mirrored import Mirrored",
        "",
        f"requires: tuple[str, ...] = ({requires})",
    ]


def _payload(plan: Plan) -> list[str]:
    lines = [
        f"class {plan.type_name}Payload(ClioPayload):",
        f'    """The fields of {with_article(words(plan.singular))} that the mirror keeps."""',
        "",
    ]
    if plan.absent:
        names = ", ".join(quoted(name) for name in COMMON_FIELDS if name in plan.absent)
        lines += [f"    absent: ClassVar[frozenset[str]] = frozenset({{{names}}})", ""]
    if plan.spec is None:
        lines += [*(f"    # {line}" for line in GROW)]
    for field in plan.fields:
        lines += _model_field(field, field.kind.python)
    for edge in plan.edges:
        lines += _model_field(edge, "Reference")
    return _without_blank_end(lines)


def _model_field(field: PlannedField | PlannedEdge, annotation: str) -> list[str]:
    if field.name == field.clio:
        return [f"    {field.name}: {annotation} | None = None"]
    return call(4, f"{field.name}: {annotation} | None = Field", ["default=None", f"alias={quoted(field.clio)}"])


def _table(plan: Plan) -> list[str]:
    lines = [
        f'class {plan.type_name}Table(MirrorTable, tablename="{plan.table}"):',
        f'    """One row per {words(plan.singular)}. Source: GET /api/v4/{plan.path}."""',
        "",
    ]
    for field in plan.fields:
        options = [*field.kind.options, "null=True", "default=None"]
        lines += call(4, f"{field.name} = {field.kind.column}", options)
    for edge in plan.edges:
        lines += call(4, f"{edge.column} = BigInt", ["null=True", "default=None", "index=True"])
    return [*lines, f'    {plan.table}_firm_clio_id = Unique(["firm", "clio_id"])']


def _type(plan: Plan) -> list[str]:
    what = with_article(words(plan.singular))
    lines = [
        *call(0, "@strawberry.type", [f"description={quoted(f'{what.capitalize()}, as Clio has it.')}"]),
        f"class {plan.type_name}(Mirrored):",
        '    """Fields are named as the columns of the table; edges bring their own."""',
        "",
    ]
    for field in plan.fields:
        head = f"{field.name}: {field.kind.graphql} | None = strawberry.field"
        lines += call(4, head, [f"description={quoted(field.description)}"])
    return _without_blank_end(lines)


def _resource(plan: Plan) -> list[str]:
    return [
        f"{plan.singular.upper()} = Resource(",
        f"    name={quoted(plan.singular)},",
        *([f"    plural={quoted(plan.name)},"] if plan.name != plan.path else []),
        f"    table={plan.type_name}Table,",
        f"    type={plan.type_name},",
        *call(4, "endpoint=ClioEndpoint", [f"path={quoted(plan.path)}", f"payload={plan.type_name}Payload"], ","),
        *([f"    webhook=WebhookModel(model={quoted(plan.webhook)}),"] if plan.webhook else []),
        *(["    edges=[", *_edges(plan.edges), "    ],"] if plan.edges else []),
        ")",
    ]


def _edges(edges: Iterable[PlannedEdge]) -> Iterator[str]:
    for edge in edges:
        yield "        ToOne("
        yield f"            name={quoted(edge.name)},"
        yield f"            to={quoted(edge.to)},"
        yield f"            column={quoted(edge.column)},"
        yield f"            description={quoted(edge.description)},"
        if edge.reverse is not None:
            yield f"            reverse={quoted(edge.reverse)},"
            yield f"            reverse_description={quoted(edge.reverse_description)},"
        yield "        ),"


def _hooks(plan: Plan) -> list[str]:
    return [
        "@hookimpl",
        "def resources() -> list[Resource]:",
        f'    """Declare {words(plan.name)}."""',
        f"    return [{plan.singular.upper()}]",
        "",
        "",
        "@hookimpl",
        "def migrations() -> Path:",
        '    """Name the folder of the migrations."""',
        '    return Path(__file__).parent / "migrations"',
    ]


def _without_blank_end(lines: list[str]) -> list[str]:
    return lines if lines[-1] else lines[:-1]
