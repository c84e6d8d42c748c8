"""List parameters of documents and folders: where they lie, and what is hidden unless asked for."""

from collections.abc import Callable, Mapping

from mock_clio.records.folders import below, root_of
from mock_clio.store.rows import Row, Store
from mock_clio.tables.catalog import DOCUMENTS, FOLDERS, ITEMS
from mock_clio.tables.declare import Resource
from mock_clio.wire.errors import bad_argument

Test = Callable[[Row], bool]
FILED = frozenset({DOCUMENTS.path, FOLDERS.path, ITEMS.path})
OWN = frozenset(
    {
        "scope",
        "parent_id",
        "matter_id",
        "include_deleted",
        "show_uncompleted",
        "external_property_name",
        "external_property_value",
    }
)
"""Parameters whose meaning is told here, `given` holding their values; the rest mean what they mean elsewhere."""


def tests(store: Store, resource: Resource, given: Mapping[str, object]) -> list[Test]:
    """The tests of one list; without `include_deleted` and `show_uncompleted` the trash and open uploads are hidden."""
    found = [_lies(store, resource, given)] if "parent_id" in given or resource is ITEMS else []
    if "matter_id" in given:
        found.append(lambda row: row["matter_id"] == given["matter_id"])
    if not given.get("include_deleted"):
        found.append(lambda row: row["deleted_at"] is None)
    if not given.get("show_uncompleted"):
        found.append(lambda row: bool(row.get("completed", True)))
    wanted = {
        part: given[f"external_property_{part}"] for part in ("name", "value") if f"external_property_{part}" in given
    }
    if wanted:
        found.append(lambda row: any(_has(child, wanted) for child in row["external_properties"]))
    return found


def _has(child: Row, wanted: Mapping[str, object]) -> bool:
    return all(child[part] == value for part, value in wanted.items())


def _lies(store: Store, resource: Resource, given: Mapping[str, object]) -> Test:
    """In a folder, or anywhere below it."""
    scope = given.get("scope", "children")
    if scope not in {"children", "descendants"}:
        raise bad_argument(f"'{scope}' is not a valid scope")
    parent_id = given.get("parent_id")
    if parent_id is None and resource is ITEMS:
        parent_id = root_of(store)["id"]
    if scope == "children" or not isinstance(parent_id, int):
        return lambda row: row["parent_id"] == parent_id
    inside = below(store, parent_id)
    return lambda row: row["parent_id"] in inside
