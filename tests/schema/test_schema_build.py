"""Building schemas: as often as wanted, from any set of plugins, every part described, and the file up to date."""

import subprocess
import sys
from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema

from core.errors import PluginConflict
from core.loading import Candidate, load_plugins
from core.registry import OUR_DISTRIBUTION, Registry
from core.resource import ClioEndpoint, ClioPayload, Resource
from plugins.contacts import plugin as contacts
from plugins.contacts import types as contact_types
from plugins.custom_fields import plugin as custom_fields
from plugins.matters import plugin as matters
from plugins.users import plugin as users
from plugins.users.tables import User as UserTable
from schema import plugin as schema_plugin
from schema.build import build_schema as build_service_schema
from schema.printing import COMMITTED, print_registry_schema
from schema.types.mirrored import Mirrored


def registry_of(**modules: object) -> Registry:
    def loader(module: object) -> Candidate:
        name = next(name for name, each in modules.items() if each is module)
        return Candidate(name=name, distribution="tests", load=lambda: module)

    made = load_plugins([loader(module) for module in modules.values()])
    assert made.refused == []
    return made


def test_the_committed_schema_is_that_of_the_plugins(registry: Registry) -> None:
    ours = Registry(
        registry.manager, [plugin for plugin in registry.plugins if plugin.distribution == OUR_DISTRIBUTION]
    )
    assert COMMITTED.read_text(encoding="utf-8") == print_registry_schema(ours), "run `clio-service schema print`"


def test_schemas_are_built_again_and_again_with_different_plugins() -> None:
    below: dict[str, object] = {"schema": schema_plugin, "custom_fields": custom_fields, "contacts": contacts}
    every = print_registry_schema(registry_of(**below, users=users, matters=matters))
    fields = list(contact_types.Contact.__strawberry_definition__.fields)  # type: ignore[attr-defined]
    alone = print_registry_schema(registry_of(**below))
    assert "matters(" in every
    assert "type Matter " not in alone
    assert "type Contact implements" in alone
    assert print_registry_schema(registry_of(**below, users=users, matters=matters)) == every
    assert contact_types.Contact.__strawberry_definition__.fields == fields  # type: ignore[attr-defined]
    assert "contacts" not in print_registry_schema(registry_of())


def test_every_type_field_argument_and_value_is_described() -> None:
    schema = build_schema(COMMITTED.read_text(encoding="utf-8"))
    missing = []
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if not kind.description:
            missing.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                missing += [] if field.description else [f"{name}.{field_name}"]
                missing += [f"{name}.{field_name}({a})" for a, each in field.args.items() if not each.description]
        elif isinstance(kind, GraphQLInputObjectType):
            missing += [f"{name}.{field_name}" for field_name, each in kind.fields.items() if not each.description]
        elif isinstance(kind, GraphQLEnumType):
            missing += [f"{name}.{value}" for value, each in kind.values.items() if not each.description]
    assert missing == []


def test_secrets_are_no_fields() -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    for secret in ("endpointKey", "endpoint_key", "secret", "body:", "digest", "leaseOwner", "nextUrl"):
        assert f"\n  {secret}" not in text


@strawberry.type(description="Something.")
class Firmament(Mirrored):
    """A type of a plugin whose list has a name that core owns."""

    name: str | None = strawberry.field(description="Name.")


def test_a_resource_may_not_take_the_name_of_one_of_cores_queries() -> None:
    resource = Resource(
        name="firmament",
        plural="firms",
        table=UserTable,
        type=Firmament,
        endpoint=ClioEndpoint(path="x", payload=ClioPayload),
    )
    registry = registry_of(schema=schema_plugin, users=users)
    plugin = registry.plugins[1]
    registry.plugins[1] = type(plugin)(**{**vars(plugin), "resources": (resource,)})
    with pytest.raises(PluginConflict, match="'firms' of resource firmament is taken"):
        build_service_schema(registry)


def test_the_command_prints_and_checks(tmp_path: Path) -> None:
    script = "import sys; from core.cli import main; sys.argv = ['clio-service', *sys.argv[1:]]; main()"
    command = [sys.executable, "-c", script, "schema"]
    printed = subprocess.run([*command, "print"], capture_output=True, text=True, check=True)
    assert printed.stdout == COMMITTED.read_text(encoding="utf-8")
    assert subprocess.run([*command, "check"], capture_output=True, text=True, check=False).returncode == 0
    old = tmp_path / "old.graphql"
    old.write_text(printed.stdout.replace("clioId", "clioNumber"), encoding="utf-8")
    checked = subprocess.run([*command, "check", str(old)], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "+  clioId: ID!" in checked.stdout
