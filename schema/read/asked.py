"""What one request brings to a plan, and SQL whose text depends on it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql.execution.values import VariableValues

from core.auth.principal import Principal
from schema.read.parameters import Parameters
from schema.read.statements import ListQuery


class Unplanned(Exception):
    """No statement can be made of a field, or of what is asked of it this time; the message names it."""


@dataclass(slots=True)
class Asked:
    """One request: whose, with which variables; collects the parameters of its statement."""

    principal: Principal
    variables: VariableValues
    max_page: int
    parameters: Parameters = field(default_factory=Parameters)
    lists: dict[object, ListQuery] = field(default_factory=dict)
    """Each list of the plan as its arguments ask for it, read once."""
    is_past: bool = False
    """Whether what is being written is read as of an instant."""
    horizons: list[str] = field(default_factory=list)
    """Conditions that hold where the history that an instant needs was purged."""


Piece: TypeAlias = Callable[[Asked], str]


class Sql:
    """SQL in pieces: text, and functions of the request that write the rest."""

    __slots__ = ("pieces",)

    def __init__(self, *parts: "str | Piece | Sql") -> None:
        self.pieces: tuple[str | Piece, ...] = tuple(_merged(parts))

    def render(self, asked: Asked) -> str:
        """Return the text for one request; its parameters are collected on the way."""
        return "".join([piece if piece.__class__ is str else piece(asked) for piece in self.pieces])  # type: ignore[operator]

    @property
    def text(self) -> str | None:
        """The whole text, where no request changes it."""
        match self.pieces:
            case ():
                return ""
            case (str() as only,):
                return only
            case _:
                return None


def _merged(parts: "Iterable[str | Piece | Sql]") -> list[str | Piece]:
    merged: list[str | Piece] = []
    for part in parts:
        for piece in part.pieces if isinstance(part, Sql) else (part,):
            if isinstance(piece, str) and merged and isinstance(merged[-1], str):
                merged[-1] += piece
            else:
                merged.append(piece)
    return merged


def joined(parts: "Iterable[Sql]", between: str = "") -> Sql:
    """Return SQL with some text between its parts."""
    found: list[Any] = []
    for part in parts:
        found += [between, part] if found else [part]
    return Sql(*found)
