"""What a resolver finds in `info.context`: the services, the caller, and the readers of the operation."""

from typing import Any

import strawberry
from graphql import DocumentNode
from graphql.pyutils import Path

from core.auth.principal import Principal
from core.errors import Unauthenticated
from core.services import Services
from schema.read.readers import Readers


class RequestContext:
    """One HTTP request or WebSocket connection. `connection_params` is filled in by graphql-transport-ws.

    `document` is what is executed in place of the query's text: a valid part of it.
    """

    def __init__(
        self, services: Services, principal: Principal | None = None, *, document: DocumentNode | None = None
    ) -> None:
        self.document = document
        self.services = services
        self.connection_params: dict[str, object] | None = None
        self._principal = principal

    @property
    def principal(self) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: the WebSocket has not been initialised yet.
        """
        if self._principal is None:
            raise Unauthenticated("the connection has not been initialised with a bearer token")
        return self._principal

    @principal.setter
    def principal(self, principal: Principal) -> None:
        self._principal = principal

    def operation(self) -> "OperationContext":
        """Return the context of one operation, with readers of its own: a WebSocket runs many at once."""
        return OperationContext(self.services, self.principal)


class OperationContext:
    """One operation of one caller."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self.services = services
        self.principal = principal
        self.readers = Readers(lambda: services.database.reading, principal.firms)
        self._past: dict[str | int, Readers] = {}

    def readers_at(self, path: Path) -> Readers:
        """Return the readers for a field: those of the past where its root field is read as of an instant."""
        return self._past.get(root_key(path), self.readers) if self._past else self.readers

    def read_past(self, path: Path, readers: Readers) -> None:
        """Let a root field, and all that is below it, be read by readers of its own."""
        self._past[root_key(path)] = readers


Info = strawberry.Info[OperationContext, Any]


def root_key(path: Path) -> str | int:
    """Return the response key of the root field that a path is at or below."""
    while path.prev is not None:
        path = path.prev
    return path.key


def place_of(path: Path) -> tuple[Any, ...]:
    """Return the place of a field in a request, itself first, without indexes: equal for all parents of one level.

    Whatever is read at one place is read together, so the number of statements follows the document alone.
    """
    found = []
    step: Path | None = path
    while step is not None:
        if isinstance(step.key, str):
            found.append((step.typename, step.key))
        step = step.prev
    return tuple(found)


def level_of(path: Path) -> tuple[Any, ...]:
    """Return the place of a field that has no arguments: the same for parents of every type behind an interface."""
    return tuple(key for _, key in place_of(path))
