"""`clio-service plugins check`: every slip of a plugin's author is one line that names the thing and the next step."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import strawberry
from piccolo.columns import BigInt, Text
from pydantic import BaseModel

from core.checks.findings import Problem
from core.checks.run import Report, check_plugins
from core.errors import BadInput
from core.hookspecs import hookimpl
from core.loading import Candidate, load_plugins
from core.resource import ClioEndpoint, ClioPayload, MirrorTable, Reference, Resource, ToOne, WebhookModel
from core.scaffold.spec import Specification
from plugins.users import plugin as users_plugin
from schema import plugin as schema_plugin
from schema.types.mirrored import Mirrored
from tests.installing import ROOT, clio_service, install

GOOD_SQL = """
CREATE TABLE chores_chore (id bigserial, firm bigint, clio_id bigint, etag text, clio_created_at timestamptz,
    clio_updated_at timestamptz, presence text, seen_at timestamptz, name text, doer_clio_id bigint);
CREATE INDEX chores_chore_doer ON chores_chore (firm, doer_clio_id, clio_id);
"""

README = """
## Chore: kept
| field | column |
|---|---|
| `id` | `clio_id` |
| `etag` | `etag` |
| `created_at` | `clio_created_at` |
| `updated_at` | `clio_updated_at` |
| `name` | `name` |
| `doer{id}` | `doer_clio_id` |

## Chore: left out
| field | why |
|---|---|
| `rhyme` | nobody asked for it |
"""

SPEC = {
    "paths": {
        "/chores.json": {
            "get": {
                "responses": {"200": {"content": {"json": {"schema": {"$ref": "#/components/schemas/Chore_List"}}}}}
            }
        }
    },
    "components": {
        "schemas": {
            "Chore_List": {"properties": {"data": {"items": {"$ref": "#/components/schemas/Chore"}}}},
            "Chore": {
                "properties": {
                    **{
                        name: {"type": "string"} for name in ("id", "etag", "created_at", "updated_at", "name", "rhyme")
                    },
                    "doer": {"$ref": "#/components/schemas/User_base"},
                }
            },
            "User_base": {"properties": {"id": {"type": "integer"}}},
        }
    },
}


class ChorePayload(ClioPayload):
    """A chore."""

    name: str | None = None
    doer: Reference | None = None


class ChoreTable(MirrorTable, tablename="chores_chore"):
    """One row per chore."""

    name = Text(null=True, default=None)
    doer_clio_id = BigInt(null=True, default=None, index=True)


@strawberry.type(description="A chore.")
class Chore(Mirrored):
    """A chore."""

    name: str | None = strawberry.field(description="Its name.")


def chore(**changes: Any) -> Resource:
    declared: dict[str, Any] = {
        "name": "chore",
        "table": ChoreTable,
        "type": Chore,
        "endpoint": ClioEndpoint(path="chores", payload=ChorePayload),
        "edges": [ToOne(name="doer", to="User", column="doer_clio_id", reverse="chores", description="Who does it.")],
        "webhook": WebhookModel(model="task"),
    }
    return Resource(**{**declared, **changes})


def candidate(name: str, module: Any) -> Candidate:
    def load() -> Any:
        return module

    return Candidate(name=name, distribution="strangers", load=load)


def check(folder: Path, resource: Resource, *, spec: Specification | None = None) -> Report:
    """Check a plugin whose migrations are in `folder`/migrations, loaded beside the users."""
    module: Any = ModuleType("chores_of_a_test")

    def resources() -> list[Resource]:
        return [resource]

    def migrations() -> Path:
        return folder / "migrations"

    vars(module).update(resources=hookimpl(resources), migrations=hookimpl(migrations), requires=("users",))
    loaded = {"schema": schema_plugin, "users": users_plugin, "chores": module}
    registry = load_plugins([candidate(name, plugin) for name, plugin in loaded.items()])
    assert registry.refused == []
    return check_plugins(registry, ["chores"], spec)


def problems(report: Report) -> list[tuple[str, str]]:
    return [(problem.thing, problem.wrong) for _, problem in report.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a plugin in which nothing is wrong."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_chores.up.sql").write_text(GOOD_SQL)
    (tmp_path / "migrations" / "0001_chores.down.sql").write_text("DROP TABLE chores_chore;")
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def test_a_plugin_without_a_slip_passes(folder: Path) -> None:
    report = check(folder, chore(), spec=Specification(SPEC))
    assert (problems(report), report.notes, report.checked) == ([], [], ["chores"])


def test_migration_files_must_pair_and_count_from_one(folder: Path) -> None:
    found = folder / "migrations"
    (found / "0001_chores.down.sql").unlink()
    (found / "0003_more.up.sql").write_text("SELECT 1;")
    (found / "0003_more.down.sql").write_text("SELECT 1;")
    (found / "later.sql").write_text("SELECT 1;")
    assert problems(check(folder, chore())) == [
        ("later.sql", "is not named NNNN_name.up.sql or NNNN_name.down.sql"),
        ("0001_chores", "has no .down.sql"),
        ("migrations", "has the numbers 0001, 0003"),
    ]


def test_a_folder_without_migrations_makes_no_table(folder: Path) -> None:
    for file in (folder / "migrations").iterdir():
        file.unlink()
    assert problems(check(folder, chore())) == [
        ("migrations", "has no migration in it"),
        ("chores_chore", "is created by no migration"),
    ]


def test_a_column_and_an_index_must_be_in_a_migration(folder: Path) -> None:
    up = folder / "migrations" / "0001_chores.up.sql"
    up.write_text(GOOD_SQL.replace("name text, ", "-- name text\n").replace("CREATE INDEX", "-- CREATE INDEX"))
    report = check(folder, chore())
    assert problems(report) == [
        ("chores_chore.name", "is in the table and in no migration"),
        ("chores_chore.doer_clio_id", "is followed by the edge doer and has no index"),
    ]
    step = "CREATE INDEX chores_chore_doer_clio_id ON chores_chore (firm, doer_clio_id, clio_id)"
    assert report.problems[1][1].step == step


def test_a_column_that_nothing_fills_may_not_be_there(folder: Path) -> None:
    class Payload(ClioPayload):
        """Names another field than the table."""

        title: str | None = None
        doer: Reference | None = None

    found = problems(check(folder, chore(endpoint=ClioEndpoint(path="chores", payload=Payload))))
    assert ("chores_chore.name", "is filled by nothing: Payload.to_row has no such key") in found
    assert ("Payload.to_row", "gives title, which is no column of chores_chore") in found


def test_a_record_with_nothing_but_an_id_must_do(folder: Path) -> None:
    class Payload(ClioPayload):
        """Relies on a field Clio promises nowhere."""

        name: str
        doer: Reference | None = None

    found = problems(check(folder, chore(endpoint=ClioEndpoint(path="chores", payload=Payload))))
    assert found == [("Payload.to_row", "fails on a record with nothing but an id: ValidationError")]


def test_a_column_must_be_nullable(folder: Path) -> None:
    class Table(MirrorTable, tablename="chores_chore"):
        """Refuses what Clio may leave out."""

        name = Text(null=False)
        doer_clio_id = BigInt(null=True, default=None)

    wrong = "may not be null, and Clio promises no field of an answer"
    assert problems(check(folder, chore(table=Table))) == [("chores_chore.name", wrong)]


def test_every_field_is_described_and_has_its_column(folder: Path) -> None:
    @strawberry.type
    class Undescribed(Mirrored):
        """Says nothing."""

        title: str | None

    Undescribed.__name__ = "Chore"
    report = check(folder, chore(type=Undescribed))
    assert problems(report) == [
        ("Chore", "has no description"),
        ("Chore.title", "has no description"),
        ("Chore.title", "has neither a column nor a resolver"),
    ]
    [(_, note)] = report.notes
    assert (note.thing, note.text.startswith("is no field of Chore")) == ("chores_chore.name", True)


def test_a_column_may_stay_unserved_for_a_reason(folder: Path) -> None:
    @strawberry.type(description="A chore.")
    class Silent(Mirrored):
        """Serves nothing."""

    Silent.__name__ = "Chore"
    report = check(folder, chore(type=Silent, unserved={"name": "nobody may know"}))
    assert (problems(report), report.notes) == ([], [])
    found = problems(check(folder, chore(unserved={"name": "", "nowhere": "it is gone"})))
    assert found == [
        ("chore.unserved", "names name, without a reason"),
        ("chore.unserved", "names nowhere, which is no column"),
    ]


def test_fields_may_not_nest_twice(folder: Path) -> None:
    class Inner(BaseModel):
        """Has a record in it."""

        deep: ChorePayload | None = None

    class Payload(ChorePayload):
        """Has a record with a record in it."""

        inner: Inner | None = None

    [problem] = [
        problem
        for _, problem in check(folder, chore(endpoint=ClioEndpoint(path="chores", payload=Payload))).problems
        if problem.thing == "chore.endpoint"
    ]
    assert "Inner.deep nests a second level of fields" in problem.step


def test_a_webhook_names_a_model_of_clios(folder: Path) -> None:
    assert problems(check(folder, chore(webhook=WebhookModel(model="chore")))) == [
        ("chore.webhook", "chore is no webhook model of Clio's")
    ]


def test_fields_too_long_for_a_webhook_are_noted_with_what_deliveries_then_carry(folder: Path) -> None:
    report = check(folder, chore(webhook=WebhookModel(model="task", fields="id," + "x" * 1000)))
    [(_, note)] = report.notes
    assert "asks for 1003 characters of fields, and Clio takes 1000: deliveries will carry id,etag" in note.text
    assert report.problems == []


def test_the_readme_lists_what_is_asked_for(folder: Path) -> None:
    readme = folder / "README.md"
    readme.write_text(README.replace("| `name` | `name` |", "| `nome` | |"))
    heading = "'## Chore: kept'"
    assert problems(check(folder, chore())) == [
        ("README.md", f"does not list name under {heading}"),
        ("README.md", f"lists nome under {heading}, which is not asked for"),
        ("README.md", "says nothing about nome"),
    ]
    readme.write_text("# Chores")
    assert problems(check(folder, chore())) == [("README.md", f"has no section {heading}")]


def test_what_clio_has_not_and_what_is_left_out_in_silence_are_found_against_its_file(folder: Path) -> None:
    class Payload(ChorePayload):
        """Asks for more than Clio has."""

        absent: ClassVar[frozenset[str]] = frozenset({"etag"})

        vow: str | None = None

    class Named(Reference):
        """Asks for more than a user has."""

        vow: str | None = None

    class Deep(ClioPayload):
        """Nests more than Clio has."""

        name: str | None = None
        doer: Named | None = None

    spec = Specification(SPEC)
    (folder / "README.md").unlink()
    found = problems(check(folder, chore(endpoint=ClioEndpoint(path="chores", payload=Payload)), spec=spec))
    assert ("Chore.vow", "is asked for, and Clio's Chore has no such field") in found
    assert ("Chore.etag", "is neither kept nor left out with a reason") in found
    assert ("Chore.rhyme", "is neither kept nor left out with a reason") in found
    deep = problems(check(folder, chore(endpoint=ClioEndpoint(path="chores", payload=Deep)), spec=spec))
    assert ("Chore.doer{vow}", "is asked for, and Clio's User has no such field") in deep


def test_a_resource_that_the_file_has_not_is_said(folder: Path) -> None:
    spec = Specification({"paths": {}, "components": {"schemas": {}}})
    [(thing, wrong)] = problems(check(folder, chore(), spec=spec))
    assert (thing, "has no chores.json and no schema Chore_base" in wrong) == ("chores", True)


def test_an_unknown_plugin_is_refused_with_those_near() -> None:
    with pytest.raises(BadInput, match="no plugin 'user' is installed; there are: users"):
        check_plugins(load_plugins(), ["user"], None)


def test_a_refused_plugin_is_a_problem_and_the_status_says_so(tmp_path: Path) -> None:
    site = install(tmp_path / "site", [ROOT / "tests" / "packages" / "broken"])
    answer = clio_service(site, "plugins", "check", "broken")
    assert answer.returncode == 1
    assert answer.stdout.startswith("broken: it was refused: it cannot be imported: ImportError: ")
    assert answer.stdout.endswith("; put that right first\n1 checked, 1 problem(s)\n")
    described = json.loads(clio_service(site, "plugins", "check", "--json").stdout)
    assert described["problems"][-1]["plugin"] == "broken"
    assert set(described["problems"][-1]) == {"plugin", *Problem.__dataclass_fields__}
    assert "users" in described["checked"]
