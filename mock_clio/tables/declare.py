"""The vocabulary in which Clio's resources are declared: schemas, associations, filters and resources.

A declaration is data. It says which names `fields=` accepts, of what type each value is, and which list parameters a
resource takes. Adding a resource to the mock starts with one more declaration; nothing else has to know about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Type of a scalar field, named by width where Clio's document gives one."""

    I64 = "i64"
    I32 = "i32"
    F64 = "f64"
    F32 = "f32"
    STR = "str"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    OBJ = "obj"
    STRINGS = "strings"


class Origin(StrEnum):
    """Where the mock finds the record behind an association."""

    ABSENT = "absent"
    """Not modelled: answers null, or an empty list."""
    KEY = "key"
    """The row holds the id in a column named `<association>_id`."""
    ROW = "row"
    """The row itself holds the child row, or the list of child rows."""
    DERIVED = "derived"
    """Worked out from the row, and from what else the store holds, whenever it is asked for."""


@dataclass(frozen=True, slots=True)
class Field:
    """One scalar field of a schema."""

    name: str
    kind: Kind
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Association:
    """One association of a schema: a record, or a list of records, of another schema."""

    name: str
    target: str
    many: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Schema:
    """The shape of one kind of record: scalars and associations, by name.

    `permission` is the application permission that opens the record; None means that any token may see it.
    """

    name: str
    fields: Mapping[str, Field]
    associations: Mapping[str, Association]
    permission: str | None = None

    def knows(self, name: str) -> bool:
        """Whether `fields=` may name it."""
        return name in self.fields or name in self.associations


@dataclass(frozen=True, slots=True)
class Filter:
    """One list parameter of a resource, `kind` being the type its value must parse as."""

    name: str
    kind: Kind
    enum: tuple[str, ...] = ()
    nullable: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One collection under /api/v4: its path, schema, verbs and list parameters."""

    path: str
    schema: Schema
    permission: str | None
    verbs: frozenset[str]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    orders: tuple[str, ...] = ()
    default_order: str = "id"
    max_limit: int = 200
    model: str | None = None
    """Name of the webhook model whose events this resource emits, if it has one."""


def _closed(enums: Mapping[str, Sequence[str]], label: str) -> tuple[str, ...]:
    """The closed set of values of one field; empty where it has none."""
    values = enums.get(label, ())
    return tuple(values.split() if isinstance(values, str) else values)


def declare(
    name: str,
    scalars: str,
    associations: str = "",
    *,
    enums: Mapping[str, Sequence[str]] | None = None,
    permission: str | None = None,
) -> Schema:
    """Build a schema from compact notation.

    Args:
        name: the schema's name in Clio's document.
        scalars: space-separated `name:kind`.
        associations: space-separated `name:Target` or `name:*Target` (a list), with `=key`, `=row` or `=derived` where
            modelled.
        enums: closed sets of values by field name, as a sequence or as space-separated words.
        permission: the application permission that opens such a record.
    """
    closed = enums or {}
    fields = {}
    for word in scalars.split():
        label, kind = word.split(":")
        fields[label] = Field(label, Kind(kind), _closed(closed, label))
    links = {}
    for word in associations.split():
        label, target = word.split(":")
        target, _, origin = target.partition("=")
        many = target.startswith("*")
        links[label] = Association(label, target.lstrip("*"), many, Origin(origin or "absent"))
    return Schema(name, fields, links, permission)


def filters(notation: str, *, enums: Mapping[str, Sequence[str]] | None = None) -> dict[str, Filter]:
    """Build list parameters from compact notation: `name:kind`, `?` after the kind where the word null is accepted.

    A name ending in `[]` may be repeated.
    """
    closed = enums or {}
    result = {}
    for word in notation.split():
        label, kind = word.split(":")
        result[label] = Filter(
            label,
            Kind(kind.rstrip("?")),
            _closed(closed, label),
            nullable=kind.endswith("?"),
            many=label.endswith("[]"),
        )
    return result


SINCE = "ids[]:i64 created_since:datetime updated_since:datetime"
"""The list parameters that every collection takes, besides fields, limit, page_token, offset and order."""
