"""GET on a collection: filter, order, page, render."""

import re
from collections.abc import Sequence
from typing import Any

from mock_clio.api import matter_contacts
from mock_clio.api.context import Caller, narrowed_to, selection_of
from mock_clio.api.filters import Filters
from mock_clio.api.paging import Page, Position, cursor_page, link, offset_page, read_token
from mock_clio.state import MockState
from mock_clio.store.rows import Collection, Row, Store
from mock_clio.tables.catalog import CUSTOM_FIELDS, MATTER_CONTACTS
from mock_clio.tables.declare import Resource
from mock_clio.wire.errors import bad_argument
from mock_clio.wire.http import Request, Response, json_response

_ORDER = re.compile(r"([a-z_.]+)(?:\((asc|desc)\))?")
_CACHED_LISTS = 64
_TARGETS = {
    "client": "Contact",
    "vendor": "Contact",
    "practice_area": "PracticeArea",
    "matter_stage": "MatterStage",
    "expense_category": "ExpenseCategory",
}
"""Associations that a list can be ordered by, and what they lead to; all others lead to a user."""


class Listing:
    """Answers list requests, keeping the filtered and ordered ids of each query until its collection changes."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[Store, int, Sequence[int]]] = {}

    def collection(self, state: MockState, resource: Resource, request: Request, caller: Caller) -> Response:
        """A page of a whole collection."""
        rows = state.store[resource.schema.name]
        ids = self._ids(state, resource, rows, request, caller)
        return _answer(state, resource, request, caller, ids, rows.rows, f"/api/v4/{resource.path}.json")

    def inline(
        self, state: MockState, resource: Resource, request: Request, caller: Caller, children: list[Row], path: str
    ) -> Response:
        """A page of rows that are no collection of their own: those of one record, or of a folder."""
        tests = Filters(state.store, resource, inclusive=state.switches.updated_since_inclusive).tests(_given(request))
        by_id = {child["id"]: child for child in children if all(test(child) for test in tests)}
        order, descending = order_of(resource, request)
        ids = sorted(by_id, key=None if order == "id" else lambda row_id: _sort_key(state.store, by_id[row_id], order))
        return _answer(state, resource, request, caller, ids[::-1] if descending else ids, by_id, path)

    def of_matter(
        self, state: MockState, resource: Resource, request: Request, caller: Caller, matter: Row
    ) -> Response:
        """A page of the people of a matter; one of them can be there twice, so rows go by position, not by id."""
        listed = matter_contacts.people if resource is MATTER_CONTACTS else matter_contacts.related
        rows = listed(state.store, matter)
        order, descending = order_of(resource, request)
        rows.sort(key=lambda row: matter_contacts.sort_key(row, order), reverse=descending)
        path = f"/api/v4/matters/{matter['id']}/{resource.path}.json"
        return _answer(state, resource, request, caller, range(len(rows)), dict(enumerate(rows)), path)

    def _ids(
        self, state: MockState, resource: Resource, rows: Collection, request: Request, caller: Caller
    ) -> Sequence[int]:
        given = _given(request)
        order, descending = order_of(resource, request)
        if resource.path == "webhooks":
            return sorted(state.hooks.owned_by(caller.token), reverse=descending)
        if resource is CUSTOM_FIELDS and not state.switches.deleted_custom_fields_listed and "deleted" not in given:
            given["deleted"] = ["false"]
        inclusive = state.switches.updated_since_inclusive
        key = (resource.path, order, descending, inclusive, tuple((name, tuple(given[name])) for name in sorted(given)))
        kept = self._kept.get(key)
        revision = sum(collection.revision for collection in state.store.collections.values())
        if kept is not None and kept[0] is state.store and kept[1] == revision:
            return kept[2]
        ids = self._select(state.store, resource, rows, given, inclusive=inclusive)
        if order != "id":
            ids = sorted(ids, key=lambda row_id: _sort_key(state.store, rows.rows[row_id], order))
        if descending:
            ids = list(reversed(ids))
        if len(self._kept) >= _CACHED_LISTS:
            self._kept.clear()
        self._kept[key] = (state.store, revision, ids)
        return ids

    @staticmethod
    def _select(
        store: Store, resource: Resource, rows: Collection, given: dict[str, list[str]], *, inclusive: bool
    ) -> list[int]:
        if resource.path == "users" and "include_co_counsel" not in given:
            given = {**given, "include_co_counsel": ["false"]}
        tests = Filters(store, resource, inclusive=inclusive).tests(given)
        shown = [row_id for row_id in rows.ids if not store.is_hidden(resource.schema.name, row_id)]
        return [row_id for row_id in shown if all(test(rows.rows[row_id]) for test in tests)] if tests else shown


def _given(request: Request) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in request.query:
        given.setdefault(name, []).append(value)
    for own in ("fields", "limit", "order", "offset", "page_token"):
        given.pop(own, None)
    return given


def limit_of(state: MockState, resource: Resource, request: Request) -> int:
    """The page size asked for, within the resource's bounds."""
    text = request.param("limit")
    if not text:
        return resource.max_limit
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise bad_argument(f"'{text}' is not a valid limit")
    limit = int(text)
    if 1 <= limit <= resource.max_limit:
        return limit
    if state.switches.limit_out_of_range == "clamp":
        return max(1, min(limit, resource.max_limit))
    raise bad_argument(f"'limit' must be between 1 and {resource.max_limit}")


def order_of(resource: Resource, request: Request) -> tuple[str, bool]:
    """The column to order by, and whether descending. A collection without orders ignores the parameter."""
    text = request.param("order")
    if not text or not resource.orders:
        return resource.default_order, False
    found = _ORDER.fullmatch(text)
    if found is None or found[1] not in resource.orders:
        raise bad_argument(f"'{text}' is not a valid order")
    return found[1], found[2] == "desc"


def _sort_key(store: Store, row: Row, order: str) -> tuple[Any, ...]:
    """Missing values first, then by value, then by id so that the order is total."""
    name, _, inner = order.partition(".")
    value: Any
    if order == "clients":
        name, inner = "client", "name"
    if inner and name in row:
        value = row[name][inner] if row[name] else None
    elif inner:
        target = _TARGETS.get(name, "User")
        found = store[target].get(row.get(f"{name}_id"))
        value = found[inner] if found else None
    else:
        value = row.get(name)
    return (value is not None, value.lower() if isinstance(value, str) else value or 0, row["id"])


def _page(ids: Sequence[int], request: Request, limit: int, *, by_id: bool) -> tuple[Page, bool]:
    """The page asked for, and whether its links carry `offset` rather than a token."""
    text = request.param("offset")
    if text is not None:
        if not re.fullmatch(r"-?\d{1,9}", text):
            raise bad_argument(f"'{text}' is not a valid offset")
        return offset_page(ids, int(text), limit), True
    token = request.param("page_token")
    position = read_token(token) if token else None
    if position is not None and position.offset is not None:
        return offset_page(ids, position.offset, limit), False
    if by_id:
        return cursor_page(ids, position, limit), False
    return offset_page(ids, 0, limit), False


def _answer(
    state: MockState,
    resource: Resource,
    request: Request,
    caller: Caller,
    ids: Sequence[int],
    rows: dict[int, Row],
    path: str,
) -> Response:
    selection, narrowed = selection_of(resource.schema, request), narrowed_to(resource, request)
    plan = state.renderer.plan(resource.schema, selection, caller.readable, narrowed)
    limit = limit_of(state, resource, request)
    order, descending = order_of(resource, request)
    page, by_offset = _page(ids, request, limit, by_id=order == "id" and not descending)
    order_text = f"{order}({'desc' if descending else 'asc'})"
    paging = {}
    neighbours: tuple[tuple[str, Position | None], ...] = (("previous", page.previous), ("next", page.next))
    for name, position in neighbours:
        if position is not None:
            paging[name] = link(request, path, limit, order_text, position, by_offset=by_offset)
    return json_response(
        200,
        {
            "data": [plan.render(rows[row_id]) for row_id in page.ids],
            "meta": {"paging": paging, "records": len(ids)},
        },
    )
