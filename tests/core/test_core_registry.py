"""Plugins: one at a time, in order, refused by name."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.hookspecs import hookimpl
from core.loading import Candidate, load_plugins
from core.registry import OUR_DISTRIBUTION, Registry
from core.resource import ClioEndpoint, ClioPayload, MirrorTable, Resource, ToOne, WebhookModel
from plugins.contacts import plugin as contacts_plugin
from plugins.custom_fields import plugin as custom_fields_plugin
from plugins.users import plugin as users_plugin
from schema import plugin as schema_plugin


class Task(MirrorTable, tablename="tasks_task"):
    """A table for these tests alone."""


def resource(name: str = "task", **changes: Any) -> Resource:
    made = type(name.title(), (), {"__annotations__": {}})
    fields: dict[str, Any] = {
        "name": name,
        "table": Task,
        "type": made,
        "endpoint": ClioEndpoint(path=f"{name}s", payload=ClioPayload),
    }
    return Resource(**{**fields, **changes})


def plugin(*declared: Any, requires: Any = (), **hooks: Callable[..., Any]) -> Any:
    def resources() -> list[Any]:
        return list(declared)

    given = {"resources": resources, **hooks}
    module = ModuleType("plugin_of_a_test")
    vars(module).update({name: hookimpl(hook) for name, hook in given.items()}, requires=requires)
    return module


def candidate(name: str, module: Any, distribution: str = "strangers") -> Candidate:
    def load() -> Any:
        if isinstance(module, Exception):
            raise module
        return module

    return Candidate(name=name, distribution=distribution, load=load)


def loaded(registry: Registry) -> list[str]:
    return [each.name for each in registry.plugins]


def reasons(registry: Registry) -> dict[str, str]:
    return {each.name: each.reason for each in registry.refused}


def test_our_own_plugins_load_in_order_of_requires() -> None:
    registry = load_plugins()
    assert reasons(registry) == {}
    order = loaded(registry)
    assert order.index("matters") > max(order.index("contacts"), order.index("users"))


def test_a_plugin_that_cannot_be_imported_is_refused_and_the_rest_load() -> None:
    registry = load_plugins([candidate("broken", ImportError("no module named nowhere")), candidate("sound", plugin())])
    assert loaded(registry) == ["sound"]
    assert "no module named nowhere" in reasons(registry)["broken"]


def test_those_that_require_a_refused_plugin_are_refused_too() -> None:
    registry = load_plugins([candidate("child", plugin(requires=("broken",))), candidate("broken", RuntimeError("no"))])
    assert loaded(registry) == []
    assert reasons(registry)["child"] == "it requires broken, which is not loaded"


def test_plugins_that_require_each_other_are_refused() -> None:
    registry = load_plugins([candidate("a", plugin(requires=("b",))), candidate("b", plugin(requires=("a",)))])
    assert set(reasons(registry)) == {"a", "b"}


def test_a_hook_that_raises_or_returns_something_else_refuses_its_plugin() -> None:
    def raises() -> list[Resource]:
        raise ValueError("nothing to declare")

    registry = load_plugins(
        [candidate("raises", plugin(resources=raises)), candidate("wrong", plugin("not a resource"))]
    )
    assert "nothing to declare" in reasons(registry)["raises"]
    assert "returned str" in reasons(registry)["wrong"]


def test_a_hook_with_an_argument_that_no_specification_has_refuses_its_plugin() -> None:
    def resources(surprise: int) -> list[Resource]:
        return [resource(str(surprise))]

    assert "surprise" in reasons(load_plugins([candidate("odd", plugin(resources=resources))]))["odd"]


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("resource 'contact'", {"name": "contact"}),
        ("list 'contacts'", {"plural": "contacts"}),
        ("endpoint 'contacts'", {"endpoint": ClioEndpoint(path="contacts", payload=ClioPayload), "plural": "tasks"}),
        ("webhook model 'contact'", {"webhook": WebhookModel(model="contact")}),
        ("table 'contacts_contact'", {"table": contacts_plugin.CONTACT.table}),
        ("GraphQL type 'Contact'", {"type": type("Contact", (), {})}),
    ],
)
def test_a_claim_that_another_plugin_made_is_refused_naming_both(claim: str, changes: dict[str, Any]) -> None:
    modules = {"schema": schema_plugin, "custom_fields": custom_fields_plugin, "contacts": contacts_plugin}
    ours = [candidate(name, module, OUR_DISTRIBUTION) for name, module in modules.items()]
    registry = load_plugins([*ours, candidate("second", plugin(resource(**{"name": "task", **changes})))])
    assert loaded(registry) == list(modules)
    assert f"PluginConflict: {claim} is claimed by both contacts and second" in reasons(registry)["second"]


def test_an_edge_to_a_type_that_is_not_loaded_is_refused() -> None:
    edge = ToOne(name="matter", to="Matter", column="clio_id", description="Its matter.")
    registry = load_plugins([candidate("tasks", plugin(resource(edges=[edge])))])
    assert "task.matter leads to Matter, which no loaded plugin declares" in reasons(registry)["tasks"]


def test_two_edges_of_one_name_on_a_type_are_refused() -> None:
    edge = ToOne(name="worker", to="User", column="clio_id", description="Who does it.", reverse="name")
    below = [candidate("schema", schema_plugin), candidate("users", users_plugin)]
    registry = load_plugins([*below, candidate("tasks", plugin(resource(edges=[edge]), requires=("users",)))])
    assert "User.name is declared twice" in reasons(registry)["tasks"]


def test_a_missing_migrations_folder_refuses_the_plugin() -> None:
    def migrations() -> Path:
        return Path("/nowhere/at/all")

    assert "does not exist" in reasons(load_plugins([candidate("tasks", plugin(migrations=migrations))]))["tasks"]


def test_a_second_plugin_of_the_same_name_is_refused() -> None:
    registry = load_plugins([candidate("users", plugin()), candidate("users", plugin())])
    assert reasons(registry)["users"] == "another plugin of that name is loaded already"


def test_a_strangers_broken_routes_do_not_stop_the_others(registry: Registry) -> None:
    def route_handlers(services: Any) -> list[Any]:
        raise RuntimeError(f"no routes with {type(services).__name__}")

    made = load_plugins([candidate("odd", plugin(route_handlers=route_handlers)), candidate("sound", plugin())])
    assert list(made.collect("route_handlers", services=None)) == []
    assert registry.by_type("Nothing") is None
