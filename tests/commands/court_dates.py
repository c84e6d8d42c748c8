"""A small OpenAPI file with a resource that Clio does not have, one field of every shape Clio's own file has."""

from typing import Any

SCALARS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "format": "int64"},
    "etag": {"type": "string"},
    "updated_at": {"type": "string", "format": "date-time"},
    "subject": {"type": "string"},
    "state": {"type": "string", "enum": ["set", "held", "moved"]},
    "day": {"type": "string", "format": "date"},
    "begins_at": {"type": "string", "format": "date-time"},
    "fee": {"type": "number", "format": "double"},
    "minutes": {"type": "integer", "format": "int32"},
    "docket": {"type": "integer", "format": "int64"},
    "open_to_the_public": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "from": {"type": "string"},
    "firm": {"type": "string"},
    "select": {"type": "string"},
    "order": {"type": "integer", "format": "int32"},
    "json": {"type": "string"},
    "settings": {"type": "object"},
    "marks": {"type": "array", "items": {"type": "object"}},
}
"""There is no created_at; a keyword, names the mirror, Piccolo and pydantic have, and a word SQL reserves are there."""

TO_ONE = {
    "matter": "Matter",
    "judge": "Contact",
    "entered_by": "User",
    "continued_from": "CourtDate",
    "room": "CourtRoom",
}


def reference(schema: str) -> dict[str, str]:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{schema}"}


def specification() -> dict[str, Any]:
    """Return the document."""
    record = {"type": "object", "properties": {"id": SCALARS["id"]}}
    ties: dict[str, Any] = {name: reference(f"{target}_base") for name, target in TO_ONE.items()}
    ties["documents"] = {"type": "array", "items": reference("Document_base")}
    listed = {"type": "array", "items": reference("CourtDate")}
    answer = {"content": {"application/json": {"schema": reference("CourtDate_List")}}}
    return {
        "openapi": "3.0.0",
        "paths": {
            "/court_dates.json": {
                "get": {"parameters": [{"name": "fields"}, {"name": "updated_since"}], "responses": {"200": answer}}
            }
        },
        "components": {
            "schemas": {
                "CourtDate_List": {"type": "object", "properties": {"data": listed}},
                "CourtDate": {"allOf": [reference("CourtDate_base"), {"type": "object", "properties": ties}]},
                "CourtDate_base": {"type": "object", "properties": SCALARS},
                "Task_base": {"type": "object", "properties": {"id": SCALARS["id"], "name": {"type": "string"}}},
                **{f"{name}_base": record for name in ("Contact", "CourtRoom", "Document", "Matter", "User")},
            }
        },
    }
