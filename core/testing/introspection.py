"""What the schema says about a type, asked as any client would."""

from typing import Any

from strawberry.utils.str_converters import to_camel_case

from core.testing.api import Api

_TYPE = """query ($name: String!) { __type(name: $name) { kind interfaces { name } enumValues { name } fields {
  name description args { name description defaultValue type { kind } } type { ...shape } } } }
fragment shape on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }"""


def camel(name: str) -> str:
    """Return a Python name as GraphQL has it."""
    return to_camel_case(name)


async def describe_type(api: Api, name: str) -> dict[str, Any]:
    """Return a type by its name.

    Raises:
        AssertionError: there is no such type.
    """
    found = (await api.query(_TYPE, {"name": name})).data["__type"]
    assert found is not None, f"the schema has no type {name}: is the plugin `schema` loaded?"
    return dict(found)


async def field_descriptions(api: Api, name: str) -> dict[str, str]:
    """Return the description of every field of a type, and of its arguments as `field(argument)`."""
    found = {}
    for field in (await describe_type(api, name))["fields"]:
        found[field["name"]] = field["description"] or ""
        found.update({f"{field['name']}({arg['name']})": arg["description"] or "" for arg in field["args"]})
    return found


async def selection(api: Api, name: str, *, depth: int = 3) -> str:
    """Return a selection of every field of a type that is no edge: plain ones, and objects as deep as `depth`.

    Fields with an argument that must be given are left out, as are connections and types with a global id.
    """
    parts = []
    for field in (await describe_type(api, name))["fields"]:
        if any(arg["type"]["kind"] == "NON_NULL" and arg["defaultValue"] is None for arg in field["args"]):
            continue
        kind, inner = _named(field["type"])
        if kind in {"SCALAR", "ENUM"}:
            parts.append(field["name"])
        elif kind in {"INTERFACE", "UNION"}:
            parts.append(f"{field['name']} {{ __typename }}")
        elif depth > 1 and not inner.endswith("Connection") and not await _is_node(api, inner):
            parts.append(f"{field['name']} {{ {await selection(api, inner, depth=depth - 1)} }}")
    return " ".join(parts) or "__typename"


async def _is_node(api: Api, name: str) -> bool:
    return any(each["name"] == "Node" for each in (await describe_type(api, name))["interfaces"])


def _named(shape: dict[str, Any]) -> tuple[str, str]:
    while shape["ofType"] is not None if "ofType" in shape else False:
        shape = shape["ofType"]
    return shape["kind"], shape["name"]
