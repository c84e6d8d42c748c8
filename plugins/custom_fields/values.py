"""A value of a custom field, as it comes inside a contact or a matter. Source: Clio API, custom field values.

Clio's document says that every value is text, and nothing says how numbers, times and checkboxes really travel; so each
is read leniently. What cannot be read as its type, and every type that is not known here, stays as text.
"""

import datetime
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

from pydantic import field_validator

from core.payload import reference_id
from core.resource import Nested, Reference

REFERENCES = ("picklist_option", "contact", "matter")
"""Associations of a value: which of them is filled follows from its type."""

LARGEST_ID = 2**63 - 1


class CustomFieldValue(Nested):
    """One value: `id` names this value, `custom_field` its definition, `picklist_option` the choice.

    `id` is null for a field that is shown on the record and was never filled.
    """

    id: str | None = None
    field_name: str | None = None
    field_type: str | None = None
    value: Any = None
    soft_deleted: bool | None = None
    custom_field: Reference | None = None
    picklist_option: Reference | None = None
    contact: Reference | None = None
    matter: Reference | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _id_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    def to_json(self) -> dict[str, Any]:
        """Return the value as it is kept: its text, and where that could be read, the typed value under its kind.

        Kinds are `number`, `date`, `time`, `checked` and `reference`; a value has one of them at most.
        """
        kept: dict[str, Any] = {
            "id": self.id,
            "field_name": self.field_name,
            "field_type": self.field_type,
            "custom_field_clio_id": reference_id(self.custom_field),
            "soft_deleted": self.soft_deleted,
            "text": _text(self.value),
        }
        kind, read = READERS.get(self.field_type or "", (None, None))
        if kind == "reference":
            typed = self._reference()
        else:
            typed = None if read is None or kept["text"] is None else read(kept["text"])
        return kept if kind is None or typed is None else {**kept, kind: typed}

    def _reference(self) -> int | None:
        """Return the id at the other end: that of the association, else the value itself, which holds it as text."""
        named = (reference_id(getattr(self, name)) for name in REFERENCES)
        return next((number for number in named if number is not None), _integer(_text(self.value) or ""))


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return json.dumps(value, ensure_ascii=False)


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else None


def _number(text: str) -> str | None:
    try:
        number = Decimal(text.replace(",", ""))
    except DecimalException:
        return None
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) < 1000 else None


def _date(text: str) -> str | None:
    try:
        return datetime.date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return None


def _time(text: str) -> str | None:
    """Read 14:30, 14:30:00, an instant (of which the time of day on its own clock counts) or 2:30 PM."""
    for form in ("%I:%M %p", "%I:%M%p", "%I:%M:%S %p"):
        try:
            return datetime.datetime.strptime(text.strip().upper(), form).time().isoformat()  # noqa: DTZ007 - no instant
        except ValueError:
            continue
    try:
        return datetime.time.fromisoformat(text.rpartition("T")[2]).replace(tzinfo=None).isoformat()
    except ValueError:
        return None


def _checked(text: str) -> bool | None:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.strip().lower())


READERS: Mapping[str, tuple[str, Callable[[str], Any] | None]] = {
    "numeric": ("number", _number),
    "currency": ("number", _number),
    "date": ("date", _date),
    "time": ("time", _time),
    "checkbox": ("checked", _checked),
    "picklist": ("reference", None),
    "contact": ("reference", None),
    "matter": ("reference", None),
}
"""Types of field whose values are more than text: the kind of the value, and what reads it from text."""
