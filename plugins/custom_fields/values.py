"""A value of a custom field, as it comes inside a contact or a matter. Source: Clio API, custom field values.

Clio's document says that every value is text, and nothing says how numbers, times and checkboxes really travel; so each
is read leniently. What cannot be read as its type, and every type that is not known here, stays as text.
"""

import datetime
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

from core.resource import Nested, Reference

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

    def to_json(self) -> dict[str, Any]:
        """Return the value as it is kept: its text, and where that could be read, the typed value under its kind.

        Kinds are `number`, `date`, `time`, `checked` and `reference`; a value has one of them at most.
        """
        text, of = _text(self.value), self.custom_field
        kept: dict[str, Any] = {
            "id": self.id,
            "field_name": self.field_name,
            "field_type": self.field_type,
            "custom_field_clio_id": None if of is None else of.id,
            "soft_deleted": self.soft_deleted,
            "text": text,
        }
        if (found := READERS.get(self.field_type or "")) is not None:
            kind, read = found
            typed = self._reference(text) if read is None else None if text is None else read(text)
            if typed is not None:
                kept[kind] = typed
        return kept

    def _reference(self, text: str | None) -> int | None:
        """Return the id at the other end: that of the association, else the value itself, which holds it as text.

        Which association is filled follows from the type.
        """
        for reference in (self.picklist_option, self.contact, self.matter):
            if reference is not None and reference.id is not None:
                return reference.id
        return _integer(text or "")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    match value:
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
"""Types of field whose values are more than text: the kind of the value, and what reads it from text; None for what is
told beside it."""
