"""Turning rows into Clio's JSON: a selection is compiled once, then run over as many rows as wanted."""

from collections.abc import Callable
from datetime import UTC, datetime
from operator import itemgetter, methodcaller
from typing import Any
from zoneinfo import ZoneInfo

from mock_clio.store.custom_values import value_number
from mock_clio.store.derived import derivations
from mock_clio.store.redaction import HIDEABLE, shown
from mock_clio.store.rows import Row, Store, etag
from mock_clio.store.selection import Selection, defaults
from mock_clio.switches import Switches
from mock_clio.tables.catalog import SCHEMAS
from mock_clio.tables.declare import Association, Kind, Origin, Schema

Getter = Callable[[Row], Any]
Permissions = frozenset[str]
_KEPT_PLANS = 4096
UNREDACTED = "*"
"""What stands among permissions where nothing at all is redacted; no application can have it."""


class Plan:
    """A compiled selection: call `render` with a row of its schema."""

    def __init__(self, columns: list[tuple[str, Getter]]) -> None:
        self._columns = columns

    def render(self, row: Row) -> dict[str, Any]:
        """The row as Clio would answer it."""
        return {name: getter(row) for name, getter in self._columns}


class Renderer:
    """Compiles selections against a store and keeps the plans."""

    def __init__(self, store: Store, zone: ZoneInfo, switches: Switches) -> None:
        self._store = store
        self._zone = zone
        self._switches = switches
        self._derivations = derivations(store, switches)
        self._plans: dict[tuple[str, Selection, Permissions, frozenset[int] | None], Plan] = {}
        self._stamps: dict[tuple[str, int], str] = {}

    def plan(
        self,
        schema: Schema,
        selection: Selection,
        permissions: Permissions,
        custom_field_ids: frozenset[int] | None = None,
    ) -> Plan:
        """The plan for a selection as seen with these read permissions; associations beyond them come redacted.

        `custom_field_ids` narrows custom field values to those of some definitions; None leaves all.
        """
        key = (schema.name, selection, permissions, custom_field_ids)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _KEPT_PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._compile(schema, selection, permissions, custom_field_ids)
        return plan

    def stamp(self, seconds: int | None) -> str | None:
        """A timestamp in the firm's zone with its offset, or in UTC, as switched."""
        if seconds is None:
            return None
        key = (self._switches.timestamps, seconds)
        text = self._stamps.get(key)
        if text is None:
            text = self._stamps[key] = self._format(seconds)
        return text

    def _format(self, seconds: int) -> str:
        if self._switches.timestamps == "utc":
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return datetime.fromtimestamp(seconds, self._zone).isoformat()

    def _compile(
        self, schema: Schema, selection: Selection, permissions: Permissions, custom_field_ids: frozenset[int] | None
    ) -> Plan:
        columns: list[tuple[str, Getter]] = []
        for name, inner in selection:
            association = schema.associations.get(name)
            if association is None:
                columns.append((name, self._scalar(schema, name)))
            elif name == "custom_field_values" and custom_field_ids is not None:
                columns.append((name, self._narrowed(schema, association, inner, permissions, custom_field_ids)))
            else:
                columns.append((name, self._association(schema, association, inner, permissions)))
        return Plan(columns)

    def _scalar(self, schema: Schema, name: str) -> Getter:
        kind = schema.fields[name].kind
        if schema.name == "Activity" and name in HIDEABLE:
            return lambda row: shown(row, name, self._switches)
        if name == "etag":
            return etag if schema.fields["id"].kind is Kind.I64 else _value_etag
        if kind is Kind.DATETIME:
            return lambda row: self.stamp(row.get(name))
        if name == "id":
            return itemgetter("id")
        return lambda row: row.get(name)

    def _association(
        self, schema: Schema, association: Association, inner: tuple[str, ...] | None, permissions: Permissions
    ) -> Getter:
        target = SCHEMAS[association.target]
        if association.origin is Origin.ABSENT:
            return (lambda _row: []) if association.many else (lambda _row: None)
        one = self._nested(schema, target, inner or defaults(target), permissions)
        if association.origin is Origin.KEY:
            return self._by_key(association, one)
        held = self._derivations.get((schema.name, association.name)) or methodcaller("get", association.name)
        if association.many:
            return lambda row: [one(child) for child in held(row) or ()]
        return lambda row: one(child) if (child := held(row)) else None

    def _narrowed(
        self,
        schema: Schema,
        association: Association,
        inner: tuple[str, ...] | None,
        permissions: Permissions,
        custom_field_ids: frozenset[int],
    ) -> Getter:
        """Custom field values of some definitions alone."""
        target = SCHEMAS[association.target]
        one = self._nested(schema, target, inner or defaults(target), permissions)
        values = self._derivations[schema.name, association.name]
        return lambda row: [one(child) for child in values(row) if child["custom_field"]["id"] in custom_field_ids]

    def _nested(self, owner: Schema, target: Schema, names: tuple[str, ...], permissions: Permissions) -> Getter:
        """Renders the record at the end of an association, or its redacted shape."""
        redacted: dict[str, Any] = {"redacted": True, **dict.fromkeys(names)}
        if target.permission is not None and not permissions & {target.permission, UNREDACTED}:
            return lambda _row: dict(redacted)
        shown = self.plan(target, tuple((name, None) for name in names), permissions).render
        if (owner.name, target.name) == ("CustomFieldValue", "CustomField") and UNREDACTED not in permissions:
            return lambda row: dict(redacted) if self._switches.value_custom_field == "redacted" else shown(row)
        return shown

    def _by_key(self, association: Association, one: Getter) -> Getter:
        rows = self._store[association.target].rows
        column = f"{association.name}_id"

        def look_up(row: Row) -> Any:
            found = rows.get(row.get(column, 0))
            return one(found) if found is not None else None

        return look_up


def _value_etag(row: Row) -> str | None:
    """The ETag of a custom field value, whose id is text; a row without an id has none."""
    if row["id"] is None:
        return None
    return etag({"id": value_number(row), "updated_at": row["updated_at"]})
