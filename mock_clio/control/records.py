"""Records as the mock holds them, read and edited past OAuth, permissions and the rate limit."""

import re

from mock_clio.api.context import selection_of
from mock_clio.state import MockState
from mock_clio.store.render import UNREDACTED, Plan
from mock_clio.store.rows import Row
from mock_clio.store.selection import everything
from mock_clio.tables.catalog import PERMISSIONS, RESOURCES
from mock_clio.tables.declare import Resource
from mock_clio.wire.bodies import Data, data_of
from mock_clio.wire.errors import ApiError, not_found
from mock_clio.wire.http import Request, Response, json_response

_ALL = frozenset({*PERMISSIONS, UNREDACTED})


def counts(state: MockState) -> dict[str, int]:
    """How many records each collection holds."""
    return {path: len(state.store[resource.schema.name]) for path, resource in RESOURCES.items()}


async def answer(state: MockState, request: Request, rest: list[str]) -> Response:
    """GET, POST, PATCH, DELETE below records/: as by somebody at work in Clio's own pages."""
    if not rest or rest[0] not in RESOURCES:
        raise not_found()
    resource = RESOURCES[rest[0]]
    state.writer.filing.tree.purge()
    row_id = int(rest[1]) if len(rest) > 1 and re.fullmatch(r"\d{1,19}", rest[1]) else None
    plan = _plan(state, resource, request)
    rows = state.store[resource.schema.name]
    if request.method == "GET":
        if row_id is None:
            return json_response(200, {"data": [plan.render(row) for row in rows]})
        row = rows.get(row_id)
        if row is None:
            raise not_found()
        return json_response(200, {"data": plan.render(row)})
    if resource.path == "webhooks" or ("create" not in resource.verbs and request.method != "PATCH"):
        raise ApiError(422, "ArgumentError", f"{resource.path} cannot be edited here")
    if request.method == "POST" and row_id is None:
        return json_response(201, {"data": plan.render(state.writer.create(resource, data_of(request), state.owner))})
    if request.method == "PATCH" and row_id is not None:
        return json_response(200, {"data": plan.render(_update(state, resource, row_id, data_of(request)))})
    if request.method == "DELETE" and row_id is not None:
        state.writer.delete(resource, row_id)
        return Response(204)
    raise not_found()


def _update(state: MockState, resource: Resource, row_id: int, data: Data) -> Row:
    """An edit; here alone a record can be hidden, and a document or folder locked, which is done before the rest."""
    hidden = data.pop("hidden", None)
    if isinstance(hidden, bool):
        if row_id not in state.store[resource.schema.name].rows:
            raise not_found()
        state.store.hide(resource.schema.name, row_id, hidden=hidden)
        if not data:
            return state.store[resource.schema.name].rows[row_id]
    locked = data.pop("locked", None)
    if resource.path in {"documents", "folders"} and isinstance(locked, bool):
        state.writer.filing.lock(resource, row_id, locked=locked)
        if not data:
            return state.store[resource.schema.name].rows[row_id]
    return state.writer.update(resource, row_id, data)


def _plan(state: MockState, resource: Resource, request: Request) -> Plan:
    """Every field unless `fields` says which, nothing redacted."""
    selection = selection_of(resource.schema, request) if request.param("fields") else everything(resource.schema)
    return state.renderer.plan(resource.schema, selection, _ALL)
