"""The messages of graphql-transport-ws that a client sends. Source: GraphQL over WebSocket Protocol."""

import json
from typing import Annotated, Any, TypeAlias

import msgspec

from core.errors import BadInput

Payload: TypeAlias = dict[str, Any]


class _Message(msgspec.Struct, tag_field="type"):
    """Any message."""


class ConnectionInit(_Message, tag="connection_init"):
    """Asks to be let in; the payload carries the bearer token."""

    payload: Payload | None = None


class Ping(_Message, tag="ping"):
    """Asks for a pong."""

    payload: Payload | None = None


class Pong(_Message, tag="pong"):
    """Answers a ping, or says that the client lives."""

    payload: Payload | None = None


class Operation(msgspec.Struct):
    """What is to be executed."""

    query: str
    variables: Payload | None = None
    operation_name: str | None = msgspec.field(name="operationName", default=None)
    extensions: Payload | None = None


class Subscribe(_Message, tag="subscribe"):
    """Begins an operation of any kind."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    payload: Operation


class Complete(_Message, tag="complete"):
    """Ends an operation."""

    id: str


Message: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def read_message(text: str) -> Message:
    """Return a message.

    Raises:
        BadInput: it is none; the message says why, in words that fit the reason of a close frame.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise BadInput(f"invalid message: {error}") from error


def message(kind: str, **parts: Any) -> str:
    """Return a message of the server's as text."""
    return json.dumps({"type": kind, **parts}, separators=(",", ":"))
