"""Requests to the REST interface, and what custom field tests do again and again."""

from typing import Any

import httpx

from mock_clio.server import MockClioServer
from mock_clio.store.rows import Row

VALUES = (
    "id,etag,updated_at,custom_field_values{id,etag,field_name,field_type,field_displayed,field_required,"
    "field_display_order,value,soft_deleted,custom_field,picklist_option,contact,matter,created_at,updated_at}"
)
PERSON = {"type": "Person", "first_name": "Ana", "last_name": "Silva"}


async def call(api: httpx.AsyncClient, method: str, path: str, status: int, fields: str = "", **data: Any) -> Any:
    """Send a request, insist on its status, and return `data` of the answer, or the message of its error."""
    params = {"fields": fields} if fields else None
    answer = await api.request(method, path, params=params, json={"data": data} if data else None)
    assert answer.status_code == status, answer.text
    if not answer.content:
        return None
    return answer.json()["data"] if status < 400 else answer.json()["error"]["message"]


async def define(api: httpx.AsyncClient, field_type: str, parent_type: str = "Contact", **data: Any) -> dict[str, Any]:
    """A new definition that is not displayed, so that it shows only where it has a value."""
    given = {"name": f"New {field_type}", "displayed": False, **data}
    fields = "id,etag,updated_at,picklist_options{id,option,deleted_at}"
    made = await call(
        api, "POST", "custom_fields", 201, fields, field_type=field_type, parent_type=parent_type, **given
    )
    return dict(made)


async def values_of(api: httpx.AsyncClient, path: str) -> dict[str, dict[str, Any]]:
    """The values of a record by the name of their definition."""
    shown = await call(api, "GET", path, 200, VALUES)
    return {value["field_name"]: value for value in shown["custom_field_values"]}


def seeded(clio: MockClioServer, parent_type: str, field_type: str) -> Row:
    found = [row for row in clio.state.store["CustomField"] if row["parent_type"] == parent_type]
    return next(row for row in found if row["field_type"] == field_type)
