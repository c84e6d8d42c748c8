"""The tables and the answers against Clio's own OpenAPI document, where a copy of it is at hand."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from mock_clio.receiver import Receiver
from mock_clio.tables.catalog import INLINE, ITEMS, OF_MATTER, RESOURCES, SCHEMAS, VERSIONS
from mock_clio.tables.declare import Field, Kind, Resource, Schema

DOCUMENT = Path(__file__).parents[2].parent / "shared" / "clio" / "openapi.json"
pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="Clio's OpenAPI document is not at hand")

READ_BY_LIVE_CLIENTS = {
    ("EmailAddress", "default_email"),
    ("PhoneNumber", "default_number"),
}
"""Fields that the document leaves out of its answers, and that clients of live accounts read."""
OPEN_LABELS = {("PhoneNumber", "name")}
"""Enums that contradict what the document lets clients write; the mock answers what was written."""
KINDS = {
    ("number", "decimal"): Kind.F64,
    ("integer", "int64"): Kind.I64,
    ("integer", "int32"): Kind.I32,
    ("number", "double"): Kind.F64,
    ("number", "float"): Kind.F32,
    ("string", None): Kind.STR,
    ("string", "date"): Kind.DATE,
    ("string", "date-time"): Kind.DATETIME,
    ("boolean", None): Kind.BOOL,
    ("object", None): Kind.OBJ,
    ("array", None): Kind.STRINGS,
}
OWN_PARAMETERS = {"fields", "limit", "order", "page_token"}
NOT_A_FILTER = {("versions", "id")}
"""Query parameters that the document repeats from the path."""
NOT_NULL = {("folders/list", "parent_id")}
"""Described in one text for two paths, and nullable in the other alone."""


@cache
def document() -> dict[str, Any]:
    return dict(json.loads(DOCUMENT.read_text()))


def component(name: str) -> dict[str, Any]:
    """Properties of a schema, inherited ones included."""
    schemas = document()["components"]["schemas"]
    found = schemas.get(name) or schemas[f"{name}_base"]
    properties: dict[str, Any] = {}
    for part in found.get("allOf", [found]):
        reference = part.get("$ref")
        properties |= schemas[reference.rsplit("/", 1)[1]]["properties"] if reference else part.get("properties", {})
    return properties


def target_of(definition: Mapping[str, Any]) -> str | None:
    reference = definition.get("$ref")
    return reference.rsplit("/", 1)[1].removesuffix("_base") if reference else None


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_a_schema_names_exactly_the_documents_fields(schema: Schema) -> None:
    ours = {*schema.fields, *schema.associations}
    extra = {name for owner, name in READ_BY_LIVE_CLIENTS if owner == schema.name}
    assert ours - extra == set(component(schema.name))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_fields_and_associations_have_the_documents_types(schema: Schema) -> None:
    properties = component(schema.name)
    for association in schema.associations.values():
        if (schema.name, association.name) in READ_BY_LIVE_CLIENTS:
            continue
        definition = properties[association.name]
        inner = definition.get("items", definition)
        assert (target_of(inner), "items" in definition) == (association.target, association.many), association.name
    for field in schema.fields.values():
        if (schema.name, field.name) not in READ_BY_LIVE_CLIENTS:
            assert_scalar(field, properties[field.name])


def assert_scalar(field: Field, definition: Mapping[str, Any]) -> None:
    assert field.kind is KINDS[definition["type"], definition.get("format")], field.name
    enum = definition.get("enum") or definition.get("items", {}).get("enum") or ()
    assert set(field.enum) == set(enum), field.name


def path_of(resource: Resource) -> str:
    if resource is VERSIONS:
        return "/documents/{id}/versions.json"
    if resource in OF_MATTER.values():
        return f"/matters/{{matter_id}}/{resource.path}.json"
    return f"/contacts/{{contact_id}}/{resource.path}.json" if resource.path in INLINE else f"/{resource.path}.json"


def listing_of(resource: Resource) -> dict[str, dict[str, Any]]:
    parameters = document()["paths"][path_of(resource)]["get"]["parameters"]
    return {parameter["name"]: parameter for parameter in parameters if parameter["in"] == "query"}


COLLECTIONS = [*RESOURCES.values(), *INLINE.values(), *OF_MATTER.values(), VERSIONS, ITEMS]


@pytest.mark.parametrize("resource", COLLECTIONS, ids=lambda resource: resource.path)
def test_list_parameters_are_the_documents(resource: Resource) -> None:
    parameters = listing_of(resource)
    repeated = {name for path, name in NOT_A_FILTER if path == resource.path}
    assert set(resource.filters) == set(parameters) - OWN_PARAMETERS - repeated
    for name, rule in resource.filters.items():
        schema = parameters[name]["schema"]
        assert rule.kind is KINDS[schema["type"], schema.get("format")], name
        assert set(rule.enum) == set(schema.get("enum", ())), name
        nullable = "se the keyword `null`" in parameters[name]["description"]
        assert rule.nullable == (nullable and (resource.path, name) not in NOT_NULL), name


@pytest.mark.parametrize("resource", COLLECTIONS, ids=lambda resource: resource.path)
def test_orders_and_limits_are_the_documents(resource: Resource) -> None:
    parameters = listing_of(resource)
    orders = parameters.get("order", {}).get("schema", {}).get("enum", [])
    assert sorted(orders) == sorted(f"{name}({way})" for name in resource.orders for way in ("asc", "desc"))
    bounds = re.search(r"between (\d+) and (\d+)", parameters["limit"]["description"])
    assert bounds is not None
    assert (bounds[1], bounds[2]) == ("1", str(resource.max_limit))
    default = re.search(r"Default: `(\S+)\(asc\)`", parameters.get("order", {}).get("description", ""))
    assert resource.default_order == (default[1] if default else "id")


@pytest.mark.parametrize("resource", COLLECTIONS, ids=lambda resource: resource.path)
def test_verbs_are_in_the_document(resource: Resource) -> None:
    paths = document()["paths"]
    many = paths[path_of(resource)]
    one = paths.get(f"/{resource.path}/{{id}}.json", {})
    known = {"list": "get" in many, "create": "post" in many}
    known |= {"show": "get" in one, "update": "patch" in one, "delete": "delete" in one}
    assert {verb for verb, there in known.items() if there} >= resource.verbs


def nullable(node: Any, owner: str = "") -> Any:
    """The document's schema with null allowed everywhere, as it declares nothing of null."""
    if isinstance(node, list):
        return [nullable(item, owner) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"anyOf": [{"$ref": node["$ref"]}, {"type": "null"}]}
    result = {key: nullable(value, owner) for key, value in node.items() if key != "enum"}
    if isinstance(node.get("type"), str):
        result["type"] = [node["type"], "null"]
    if isinstance(node.get("enum"), list):
        result["enum"] = [*node["enum"], None]
    return result


@cache
def components() -> dict[str, Any]:
    schemas = {}
    for name, schema in document()["components"]["schemas"].items():
        relaxed = dict(schema)
        for owner, field in OPEN_LABELS:
            if name in {owner, f"{owner}_base"} and field in relaxed.get("properties", {}):
                relaxed["properties"] = {**relaxed["properties"], field: {"type": "string"}}
        schemas[name] = nullable(relaxed)
    return schemas


def check(answer: object, schema: str) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": components()}}
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date-time", ValueError)(_moment)
    checker.checks("date", ValueError)(_day)
    jsonschema.Draft4Validator(whole, format_checker=checker).validate(answer)


def _moment(value: object) -> bool:
    return value is None or datetime.fromisoformat(str(value)).tzinfo is not None


def _day(value: object) -> bool:
    return value is None or bool(date.fromisoformat(str(value)))


def all_fields(schema: Schema) -> str:
    parts = list(schema.fields)
    for name, association in schema.associations.items():
        parts.append(f"{name}{{{','.join(SCHEMAS[association.target].fields)}}}")
    return ",".join(parts)


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=list(RESOURCES))
async def test_answers_fit_the_document(
    api: httpx.AsyncClient, control: httpx.AsyncClient, receiver: Receiver, resource: Resource
) -> None:
    if resource.path == "webhooks":
        await api.post("webhooks", json={"data": {"url": receiver.url, "model": "matter", "fields": "id"}})
    await control.post("traffic/edits", json={"count": 20})
    params = {"fields": all_fields(resource.schema)}
    listed = await api.get(resource.path, params=params)
    assert listed.status_code == 200, listed.text
    assert listed.json()["data"]
    check(listed.json(), f"{resource.schema.name}_List")
    if "show" in resource.verbs:
        shown = await api.get(f"{resource.path}/{listed.json()['data'][0]['id']}", params=params)
        check(shown.json(), f"{resource.schema.name}_Show")


async def test_inline_lists_and_errors_fit_the_document(api: httpx.AsyncClient) -> None:
    contacts = (await api.get("contacts", params={"fields": "id,email_addresses,phone_numbers"})).json()["data"]
    for resource in INLINE.values():
        contact = next(row for row in contacts if row[resource.path])
        params = {"fields": all_fields(resource.schema)}
        answer = await api.get(f"contacts/{contact['id']}/{resource.path}", params=params)
        assert answer.json()["data"]
        check(answer.json(), f"{resource.schema.name}_List")
    for resource in OF_MATTER.values():
        matters = (await api.get("matters", params={"fields": "id,relationships"})).json()["data"]
        matter = next(row for row in matters if row["relationships"])
        params = {"fields": all_fields(resource.schema)}
        answer = await api.get(f"matters/{matter['id']}/{resource.path}", params=params)
        assert answer.json()["data"]
        check(answer.json(), f"{resource.schema.name}_List")
    check((await api.get("contacts/1")).json(), "Error")
    check((await api.get("contacts", params={"fields": "nothing"})).json(), "Error")


async def test_versions_and_contents_of_folders_fit_the_document(api: httpx.AsyncClient) -> None:
    contents = await api.get(ITEMS.path, params={"fields": all_fields(ITEMS.schema), "scope": "descendants"})
    assert {row["type"] for row in contents.json()["data"]} == {"Document", "Folder"}
    check(contents.json(), "Item_List")
    document = next(row for row in contents.json()["data"] if row["type"] == "Document")
    versions = await api.get(f"documents/{document['id']}/versions", params={"fields": all_fields(VERSIONS.schema)})
    assert versions.json()["data"]
    check(versions.json(), "DocumentVersion_List")
    parent = {"id": document["id"], "type": "Document"}
    parts = [{"part_number": 1, "content_length": "1"}]
    body = {"data": {"name": "a.pdf", "parent": parent, "multiparts": parts}}
    fields = {"fields": "id,latest_document_version{uuid,put_url,put_headers,multiparts}"}
    begun = await api.post("documents", params=fields, json=body)
    assert begun.json()["data"]["latest_document_version"]["multiparts"]
    check(begun.json(), "Document_Show")
