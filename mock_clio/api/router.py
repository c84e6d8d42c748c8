"""Paths and verbs under /api/v4."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from mock_clio.api.context import Caller, narrowed_to, selection_of
from mock_clio.api.filing import FilingRoutes, visible
from mock_clio.api.lists import Listing
from mock_clio.limits import too_many
from mock_clio.state import MockState
from mock_clio.store.rows import Row, etag
from mock_clio.tables.catalog import CONTACTS, INLINE, MATTERS, OF_MATTER, RESOURCES, USERS, WEBHOOKS
from mock_clio.tables.declare import Resource
from mock_clio.wire.authentication import bearer_text, challenge
from mock_clio.wire.bodies import data_of
from mock_clio.wire.errors import ApiError, not_found
from mock_clio.wire.http import Request, Response, error_response, json_response

PREFIX = "/api/v4/"
_ID = re.compile(r"\d{1,19}")
ERRORS_FROM = 400
UNSEEN = ("ForbiddenError", "User is forbidden from taking that action")


class Api:
    """Answers requests to the REST interface."""

    def __init__(self, state: MockState) -> None:
        self._state = state
        self._listing = Listing()
        self._filing = FilingRoutes(state, self._listing, self._one)

    def caller(self, request: Request) -> Caller | None:
        """Whose token a request bears, if it is one that holds."""
        try:
            token = self._state.grants.find(bearer_text(request))
        except ApiError:
            return None
        return Caller(token) if token is not None else None

    async def answer(self, request: Request) -> Response:
        """The answer to one request."""
        try:
            bearer_text(request)
        except ApiError as error:
            return error_response(error.status, error.kind, error.message)
        caller = self.caller(request)
        if caller is None:
            return challenge()
        headers, retry_after = self._state.limiter.count(caller.token.token_id)
        if retry_after is not None:
            response = too_many(self._state.switches, retry_after)
        else:
            response = await self._guarded(request, caller)
        response.headers.extend(headers)
        return response

    async def _guarded(self, request: Request, caller: Caller) -> Response:
        settings = self._state.settings
        version = request.headers.get("x-api-version") or settings.api_version
        if version not in settings.api_versions:
            kind = self._state.switches.version_gone_type
            return error_response(410, kind, f"API version '{version}' is not available")
        try:
            response = await self._route(request, caller)
        except ApiError as error:
            return error_response(error.status, error.kind, error.message)
        if response.status < ERRORS_FROM:
            response.headers.append(("X-API-VERSION", version))
        return response

    async def _route(self, request: Request, caller: Caller) -> Response:
        path = request.path.removeprefix(PREFIX).strip("/").removesuffix(".json")
        filed = self._filing.answer(request, caller, path.split("/"))
        if filed is not None:
            return filed
        match (request.method, *path.split("/")):
            case ("GET", "users", "who_am_i"):
                return self._shown(request, caller, USERS, self._row(USERS, caller.token.grant.user["id"]))
            case ("GET", "contacts", contact_id, name) if name in INLINE and _ID.fullmatch(contact_id):
                return self._inline(request, caller, int(contact_id), name)
            case ("GET", "matters", matter_id, "client") if _ID.fullmatch(matter_id):
                return self._client(request, caller, int(matter_id))
            case ("GET", "matters", matter_id, name) if name in OF_MATTER and _ID.fullmatch(matter_id):
                return self._of_matter(request, caller, int(matter_id), name)
            case (method, "webhooks", *rest):
                return await self._webhooks(request, caller, method, rest)
            case (method, collection) if collection in RESOURCES:
                return self._collection(request, caller, RESOURCES[collection], method)
            case (method, collection, row_id) if collection in RESOURCES and _ID.fullmatch(row_id):
                return self._record(request, caller, RESOURCES[collection], method, int(row_id))
        raise not_found()

    def _collection(self, request: Request, caller: Caller, resource: Resource, method: str) -> Response:
        if method == "GET":
            caller.need(resource.permission)
            return self._listing.collection(self._state, resource, request, caller)
        if method == "POST" and "create" in resource.verbs:
            caller.need(resource.permission, write=True)
            selection_of(resource.schema, request)
            row = self._state.writer.create(resource, data_of(request), caller.token.grant.user)
            return self._one(request, caller, resource, row, 201)
        raise not_found()

    def _record(self, request: Request, caller: Caller, resource: Resource, method: str, row_id: int) -> Response:
        if method == "GET" and "show" in resource.verbs:
            caller.need(resource.permission)
            return self._shown(request, caller, resource, visible(self._row(resource, row_id), request))
        if method == "PATCH" and "update" in resource.verbs:
            caller.need(resource.permission, write=True)
            selection_of(resource.schema, request)
            self._match(request, self._row(resource, row_id))
            row = self._state.writer.update(resource, row_id, data_of(request))
            return self._one(request, caller, resource, row, 200)
        if method == "DELETE" and "delete" in resource.verbs:
            caller.need(resource.permission, write=True)
            self._state.writer.delete(resource, row_id)
            return Response(204)
        raise not_found()

    async def _webhooks(self, request: Request, caller: Caller, method: str, rest: list[str]) -> Response:
        hooks = self._state.hooks
        caller.need("webhooks", write=method != "GET")
        selection_of(WEBHOOKS.schema, request)
        webhook_id = int(rest[0]) if rest and _ID.fullmatch(rest[0]) else None
        match (method, rest[1:]):
            case ("GET", []) if not rest:
                return self._listing.collection(self._state, WEBHOOKS, request, caller)
            case ("POST", []) if not rest:
                row = await hooks.create(data_of(request), caller.token)
                return self._one(request, caller, WEBHOOKS, row, 201)
            case ("GET", []) if webhook_id:
                return self._shown(request, caller, WEBHOOKS, hooks.get(webhook_id, caller.token).row)
            case ("PATCH" | "PUT", []) if webhook_id:
                self._match(request, hooks.get(webhook_id, caller.token).row)
                row = await hooks.update(webhook_id, data_of(request), caller.token)
                return self._one(request, caller, WEBHOOKS, row, 200)
            case ("DELETE", []) if webhook_id:
                hooks.delete(webhook_id, caller.token)
                return Response(204)
            case ("PUT", ["activate"]) if webhook_id:
                row = hooks.activate(webhook_id, request.headers.get("x-hook-secret", ""), caller.token)
                return self._one(request, caller, WEBHOOKS, row, 200)
        raise not_found()

    def _inline(self, request: Request, caller: Caller, contact_id: int, name: str) -> Response:
        caller.need("contacts")
        row = self._row(CONTACTS, contact_id)
        path = f"{PREFIX}contacts/{contact_id}/{name}.json"
        return self._listing.inline(self._state, INLINE[name], request, caller, row[name], path)

    def _client(self, request: Request, caller: Caller, matter_id: int) -> Response:
        caller.need("matters")
        caller.need("contacts")
        matter = self._row(MATTERS, matter_id)
        client = self._state.store["Contact"].get(matter["client_id"])
        if client is None:
            raise not_found()
        return self._shown(request, caller, CONTACTS, client)

    def _of_matter(self, request: Request, caller: Caller, matter_id: int, name: str) -> Response:
        caller.need("matters")
        caller.need("contacts")
        return self._listing.of_matter(self._state, OF_MATTER[name], request, caller, self._row(MATTERS, matter_id))

    def _row(self, resource: Resource, row_id: int) -> Row:
        row = self._state.store[resource.schema.name].get(row_id)
        if row is None:
            raise not_found()
        how = self._state.switches.hidden_record
        if how != "redacted" and self._state.store.is_hidden(resource.schema.name, row_id):
            raise not_found() if how == "missing" else ApiError(403, *UNSEEN)
        return row

    def _shown(self, request: Request, caller: Caller, resource: Resource, row: Row) -> Response:
        """A record, its redacted shape where it is hidden, or 304 where the caller's copy is current."""
        selection = selection_of(resource.schema, request)
        if self._state.store.is_hidden(resource.schema.name, row["id"]):
            return json_response(200, {"data": {**dict.fromkeys(name for name, _ in selection), "redacted": True}})
        if _unmodified(request, row):
            return Response(304, b"", _validators(row))
        return self._one(request, caller, resource, row, 200)

    def _one(self, request: Request, caller: Caller, resource: Resource, row: Row, status: int) -> Response:
        selection, narrowed = selection_of(resource.schema, request), narrowed_to(resource, request)
        plan = self._state.renderer.plan(resource.schema, selection, caller.readable, narrowed)
        return json_response(status, {"data": plan.render(row)}, _validators(row))

    def _match(self, request: Request, row: Row) -> None:
        """Refuse a write whose If-Match names another state of the record."""
        wanted = request.headers.get("if-match")
        if wanted is not None and etag(row) not in _tags(wanted) and wanted.strip() != "*":
            kind = self._state.switches.precondition_failed_type
            raise ApiError(412, kind, "The record has changed since it was read")


def _validators(row: Row) -> list[tuple[str, str]]:
    modified = format_datetime(datetime.fromtimestamp(row["updated_at"], UTC), usegmt=True)
    return [("ETag", etag(row)), ("Last-Modified", modified)]


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _unmodified(request: Request, row: Row) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return etag(row) in _tags(tags) or tags.strip() == "*"
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return bool(row["updated_at"] <= moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
