"""What writing a record of a declared resource means: every scalar and reference is taken, its kind checked."""

from mock_clio.records.values import assign, refer
from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind, Origin, Resource
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable

OWN = frozenset({"id", "etag", "created_at", "updated_at"})
"""Scalars that only the mock sets."""


def blank(resource: Resource, now: int) -> Row:
    """A record with nothing in it yet."""
    row: Row = dict.fromkeys(resource.schema.fields)
    row.update({f"{name}_id": None for name in resource.schema.associations})
    row.update(created_at=now, updated_at=now)
    return row


def fill(store: Store, resource: Resource, draft: Row, data: Data) -> None:
    """Apply a body to a draft.

    Raises:
        ApiError: 422 for a value of another kind, 404 for a reference to what is not there.
    """
    fields = resource.schema.fields
    assign(
        draft, data, {name: field.kind for name, field in fields.items() if name not in OWN and field.kind not in _RAW}
    )
    for name, field in fields.items():
        if field.enum and draft[name] is not None and draft[name] not in field.enum:
            raise unprocessable(f"'{draft[name]}' is not a valid {name}")
        if field.kind in _RAW and name in data:
            draft[name] = data[name]
    for name, association in resource.schema.associations.items():
        if association.origin is Origin.KEY:
            refer(store, draft, data, name, association.target)


_RAW = frozenset({Kind.STRINGS, Kind.OBJ})
