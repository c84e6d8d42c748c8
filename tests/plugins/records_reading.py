"""Reading every field of a type through GraphQL, and finding in the answer what Clio sent."""

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)
from strawberry.utils.str_converters import to_camel_case

from core.resource import Resource
from core.webhooks.completeness import parse_selection
from mock_clio.tables.catalog import SCHEMAS
from mock_clio.tables.declare import Field, Kind

COMMON = {"id": "clioId", "etag": "etag", "created_at": "clioCreatedAt", "updated_at": "clioUpdatedAt"}

Node = Mapping[str, Any]


@dataclass
class Reading:
    """One type as GraphQL serves it: its own fields, and those of the records inside it, without edges."""

    scalars: set[str] = field(default_factory=set)
    nested: dict[str, set[str]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    @property
    def selection(self) -> str:
        """The fields of a query for all of it; of a union or an interface only the type's name."""
        inner = (f"{name} {{ {' '.join(sorted(fields))} }}" for name, fields in self.nested.items())
        return " ".join([*sorted(self.scalars), *inner, *(f"{name} {{ __typename }}" for name in self.others)])


def reading_of(schema: GraphQLSchema, type_name: str) -> Reading:
    """Return what can be read of a type."""
    made = Reading()
    for name, each in _plain_fields(schema, type_name):
        inner = get_named_type(each.type)
        if isinstance(inner, GraphQLUnionType | GraphQLInterfaceType):
            made.others.add(name)
        elif not isinstance(inner, GraphQLObjectType):
            made.scalars.add(name)
        elif not inner.interfaces and not inner.name.endswith("Connection"):
            found = {
                leaf
                for leaf, it in _plain_fields(schema, inner.name)
                if not isinstance(get_named_type(it.type), GraphQLObjectType | GraphQLUnionType | GraphQLInterfaceType)
            }
            made.nested[name] = found
    return made


def _plain_fields(schema: GraphQLSchema, type_name: str) -> Iterator[tuple[str, GraphQLField]]:
    declared = schema.type_map[type_name]
    assert isinstance(declared, GraphQLObjectType)
    for name, each in declared.fields.items():
        if not any(map(is_required_argument, each.args.values())):
            yield name, each


def lost(resource: Resource, reading: Reading, sent: Node, node: Node, kept: set[Any]) -> list[str]:
    """Return the fields of a record whose value is neither where it belongs in GraphQL nor, elsewhere, in `kept`.

    A field belongs under its own name; a record's field under the record's, or under both names joined; an id of a
    record under `<name>ClioId`. `kept` holds every value in the record's rows.
    """
    schema = SCHEMAS[resource.type_name]
    wrong = []
    for name, nested in parse_selection(resource.endpoint.fields):
        value = sent.get(name)
        if not nested:
            wrong += _wrong_scalar(reading, schema.fields[name], value, node, kept)
        elif schema.associations[name].many:
            wrong += _wrong_list(reading, schema.associations[name].target, name, value, node, kept)
        else:
            wrong += _wrong_record(reading, schema.associations[name].target, name, nested, value, node, kept)
    return wrong


def _wrong_scalar(reading: Reading, told: Field, value: Any, node: Node, kept: set[Any]) -> list[str]:
    place = COMMON.get(told.name, to_camel_case(told.name))
    found = same(told.kind, value, node[place]) if place in reading.scalars else _is_kept(told.kind, value, kept)
    return [] if found else [told.name]


def _wrong_list(reading: Reading, target: str, name: str, value: Any, node: Node, kept: set[Any]) -> list[str]:
    place = to_camel_case(name)
    if place not in reading.nested:
        return [f"{name}{{{leaf}}}" for leaf, kind, one in _leaves(target, value) if not _is_kept(kind, one, kept)]
    if value is None or node[place] is None or len(value) != len(node[place]):
        return [] if value == node[place] else [name]
    return [
        f"{name}{{{leaf}}}"
        for sent, got in zip(value, node[place], strict=True)
        for leaf, kind, one in _leaves(target, [sent])
        if not (same(kind, one, got[_inner(leaf)]) if _inner(leaf) in got else _is_kept(kind, one, kept))
    ]


def _wrong_record(
    reading: Reading, target: str, name: str, nested: tuple[str, ...], value: Any, node: Node, kept: set[Any]
) -> list[str]:
    wrong = []
    inside = to_camel_case(name) if to_camel_case(name) in reading.nested else None
    for leaf in nested:
        kind = SCHEMAS[target].fields[leaf].kind
        one = None if value is None else value.get(leaf)
        joined = to_camel_case(f"{name}_clio_id" if leaf == "id" else f"{name}_{leaf}")
        if inside is not None and _inner(leaf) in reading.nested[inside]:
            found = same(kind, one, (node[inside] or {}).get(_inner(leaf)))
        elif joined in reading.scalars:
            found = same(kind, one, node[joined])
        else:
            found = _is_kept(kind, one, kept)
        wrong += [] if found else [f"{name}{{{leaf}}}"]
    return wrong


def _leaves(target: str, value: Any) -> Iterator[tuple[str, Kind, Any]]:
    """Yield name, kind and value of every field of records in a list; of a record inside one of them its id."""
    for record in value or ():
        for name, one in record.items():
            if name in SCHEMAS[target].fields:
                yield name, SCHEMAS[target].fields[name].kind, one
            elif name in SCHEMAS[target].associations and not SCHEMAS[target].associations[name].many:
                yield f"{name}.id", Kind.I64, None if one is None else one["id"]


def _inner(leaf: str) -> str:
    return to_camel_case(leaf.replace(".id", "_clio_id"))


def same(kind: Kind, sent: Any, got: Any) -> bool:
    """Whether an answer says what Clio sent; PostgreSQL cannot hold NUL, which becomes U+FFFD."""
    if sent is None or got is None:
        return sent is got
    if kind is Kind.STR:
        return bool(_text(sent) == got)
    if kind is Kind.STRINGS:
        return bool([_text(each) for each in sent] == got)
    return bool(forms(sent) & forms(got))


def _is_kept(kind: Kind, sent: Any, kept: set[Any]) -> bool:
    if sent is None or sent in ([], {}):
        return True
    if kind is Kind.STR:
        return _text(sent) in kept
    return bool(forms(sent) & kept)


def _text(value: Any) -> str:
    return str(value).replace("\0", "\ufffd")


def forms(value: Any) -> set[Any]:
    """Return what a value may be written as: yes or no, a number, an instant, text."""
    if isinstance(value, bool):
        return {("bool", value)}
    found: set[Any] = {_text(value)}
    with contextlib.suppress(DecimalException):
        found.add(Decimal(str(value)))
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.datetime.fromisoformat(str(value))
        found.add(moment.astimezone(datetime.UTC) if moment.tzinfo else moment)
    return found


def scalars_in(value: Any) -> Iterator[Any]:
    """Yield every value inside JSON that is neither list nor object, nor null."""
    match value:
        case None:
            return
        case list():
            for each in value:
                yield from scalars_in(each)
        case dict():
            yield from scalars_in(list(value.values()))
        case _:
            yield value
