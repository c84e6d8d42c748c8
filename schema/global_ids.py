"""Global ids: `Type:<firm>:<number>`, and the plain numbers that arguments take beside them.

They are opaque to clients. They are not encoded, because PostgreSQL writes one for each object of an answer.
"""

import re
from dataclasses import dataclass

from core.errors import BadInput

MOST_ID = 2**63 - 1
"""The largest id: every id is a bigint in PostgreSQL."""

_FORM = re.compile(r"([A-Za-z][A-Za-z0-9_]*):(0|[1-9][0-9]{0,18}):(0|[1-9][0-9]{0,18})\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class GlobalId:
    """One object of one firm. `number` is Clio's id for a mirrored record, our own for everything else."""

    type_name: str
    firm: int
    number: int

    def __str__(self) -> str:
        return f"{self.type_name}:{self.firm}:{self.number}"


def global_id_sql(type_name: str, firm: str, number: str) -> str:
    """Return SQL for the global id of an object whose firm and number are given in SQL."""
    return f"'{type_name}:' || {firm} || ':' || {number}"


def read_global_id(text: str) -> GlobalId:
    """Read a global id; the type it names need not exist.

    Raises:
        BadInput: the text is not a global id.
    """
    found = _FORM.match(text)
    if found is None or max(firm := int(found[2]), number := int(found[3])) > MOST_ID:
        raise BadInput("the id is not a global id: pass what a field `id` returned")
    return GlobalId(found[1], firm, number)


def read_number(text: str, *, name: str) -> int:
    """Read an id that is a plain number, such as `clioId`.

    Raises:
        BadInput: the text is not a whole number of at most 64 bits.
    """
    if not _NUMBER.match(text) or int(text) > MOST_ID:
        raise BadInput(f"{name} must be a whole number, such as 1042")
    return int(text)


def read_id_of(text: str, type_name: str, *, name: str) -> GlobalId:
    """Read a global id that must be of one type.

    Raises:
        BadInput: it is not a global id, or one of another type.
    """
    found = read_global_id(text)
    if found.type_name != type_name:
        raise BadInput(f"{name} is the id of a {found.type_name}, where one of a {type_name} is needed")
    return found


def read_firm(text: str | None) -> int | None:
    """Read the argument `firm`: the firm's number (`firmId`) or its global id; None where it is not given.

    Raises:
        BadInput: it is neither.
    """
    if text is None:
        return None
    if _NUMBER.match(text):
        return read_number(text, name="firm")
    return read_id_of(text, "Firm", name="firm").firm
