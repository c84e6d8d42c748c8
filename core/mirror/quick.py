"""Reading a page the quick way: structs made from a payload model take its records and write its lines.

What a record may look like is said by the payload model alone, and pydantic reads whatever a struct does not take: text
where a number was promised, a redacted record, a wrong type, which it then names. What a struct does take has the same
line either way, but that one rounds and the other cuts what an instant has beyond microseconds, of which Clio has none;
the contract that every plugin is tested against holds it. It is a third of the work (docs/adr/0022-quick-pages.md). A
model of which no struct can say the same, such as one with validators or a `to_row` of its own, is left to pydantic.
"""

import dataclasses
import datetime
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.mirror.lines import encode_rows, instant_texts, instants_of
from core.payload import (
    LENIENT,
    ClioPayload,
    Nested,
    Part,
    Reference,
    WhereUnfit,
    columns_of,
    forms_of,
    is_list,
    model_in,
    reference_ids,
)
from core.resource import Resource

AS_THEY_ARE = (str, bool, int, float, datetime.date, datetime.datetime, Any, dict[str, Any])
IN_LISTS = (str, bool, int, float)
NUMBER = int | float
"""What a struct has for a Decimal: the same number, as Clio's JSON is read; text is left to pydantic."""

SENT = "__sent"
"""Ends the name, in a payload's struct, of a field that has another name at Clio: its own is that of the column."""

COMMON_COLUMNS = {"created_at": "clio_created_at", "updated_at": "clio_updated_at"}

Form: TypeAlias = Callable[[Any], Any]
Step: TypeAlias = Callable[[Any, Any], None]
"""Takes a struct and the value of one of its fields, which is not null, and puts the value where its column is."""


class Beyond(Exception):
    """No struct can say what the model says; the message tells which part of it."""


@dataclasses.dataclass(frozen=True)
class QuickReader:
    """Reads records of one resource. `struct` has the fields of a record and the columns of its row, all nullable."""

    struct: type[msgspec.Struct]
    steps: Mapping[str, Step]
    instants: Sequence[str]
    hidden_by: Mapping[str, Sequence[str]]

    def read(self, records: Sequence[Any]) -> tuple[list[int], str] | None:
        """Return the Clio ids of records and a line of each, in their order; None where pydantic has to look."""
        try:
            found = msgspec.convert(records, list[self.struct])  # type: ignore[name-defined]
        except msgspec.ValidationError:
            return None
        clio_ids = [each.id for each in found]
        if None in clio_ids or any(each.redacted is True for each in found):
            return None
        touched, steps = attrgetter(*self.steps), [*self.steps.values()]
        for each in found:
            each.id = each.redacted = None
            for value, step in zip(touched(each), steps, strict=True):
                if value is not None:
                    step(each, value)
            for flag, columns in self.hidden_by.items():
                if getattr(each, flag):
                    _blank(each, columns)
        for column in self.instants:
            _tell(found, column)
        return clio_ids, encode_rows(found)


@lru_cache(maxsize=256)
def quick_reader(resource: Resource) -> QuickReader | None:
    """Return what reads records of a resource the quick way; None where only pydantic can."""
    try:
        return made(resource)
    except Beyond:
        return None


def made(resource: Resource) -> QuickReader:
    """Return what reads records of a resource the quick way; Beyond, which says why, where only pydantic can."""
    payload = resource.endpoint.payload
    if resource.embeds or payload.to_row is not ClioPayload.to_row or "redacted" in payload.model_fields:
        raise Beyond(f"{payload.__name__} has more to it than columns")
    names = {name: f"{name}{SENT}" if field.alias else name for name, field in payload.model_fields.items()}
    fields, steps = {names[name]: kind for name, kind in _fields_of(payload).items()}, dict[str, Step]()
    columns = set[str]()
    for name, step, filled in _steps(payload, names):
        steps[name] = step
        if clash := {*filled} & ({*fields} - {name}):
            raise Beyond(f"{payload.__name__} has columns that are called as other fields: {', '.join(sorted(clash))}")
        columns |= {*filled}
    aliases = {names[name]: field.alias for name, field in payload.model_fields.items() if field.alias}
    # Should Clio send something by the name of a column, it does not fit.
    struct = _struct(payload, fields | dict.fromkeys(columns - {*fields}, types.NoneType) | {"redacted": Any}, aliases)
    instants = [name for name in instants_of(resource) if name in struct.__struct_fields__]
    return QuickReader(struct, steps, instants, payload.hidden_by)


def _steps(payload: type[ClioPayload], names: Mapping[str, str]) -> typing.Iterator[tuple[str, Step, Sequence[str]]]:
    """Yield each field whose value is not a column as it stands, what moves it, and the columns that this fills.

    `names` are those of the struct's fields.
    """
    shapes = columns_of(payload)
    for name, inner in shapes.parts:
        yield names[name], partial(_take_apart, names[name], inner), [column for _, column in inner]
    for name, column in shapes.lists:
        yield names[name], partial(_move, names[name], column, reference_ids), [column]
    for name, field in payload.model_fields.items():
        nested, form = model_in(field.annotation), None
        column = COMMON_COLUMNS.get(name) or payload.renamed.get(name, name)
        if nested is not None and issubclass(nested, Nested):
            keep = _kept(nested)
            form = partial(_each, keep) if is_list(field.annotation) else keep
        elif nested is not None or names[name] == column:
            continue
        yield names[name], partial(_move, names[name], column, form), [column]


def _take_apart(name: str, inner: Sequence[tuple[str, str]], record: Any, part: Any) -> None:
    setattr(record, name, None)
    for of, column in inner:
        setattr(record, column, getattr(part, of))


def _move(name: str, column: str, form: Form | None, record: Any, value: Any) -> None:
    setattr(record, name, None)
    setattr(record, column, value if form is None else form(value))


def _each(keep: Form, values: Sequence[Any]) -> list[Any]:
    return [keep(value) for value in values]


def _blank(record: Any, columns: Sequence[str]) -> None:
    for column in columns:
        setattr(record, column, None)


def _tell(records: Sequence[Any], column: str) -> None:
    """Write an instant of each record as text."""
    told = [record for record in records if getattr(record, column) is not None]
    for record, text in zip(told, instant_texts([getattr(record, column) for record in told]), strict=True):
        setattr(record, column, text)


def _kept(nested: type[Nested]) -> Form:
    """Return what makes of a nested record's struct what the mirror keeps: itself, where only values change."""
    if nested.to_json is not Nested.to_json:
        return nested.to_json
    shapes = [
        (
            name,
            key,
            _decimal_text if form and Decimal in typing.get_args(nested.model_fields[name].annotation) else form,
        )
        for name, key, form in forms_of(nested)
    ]
    if any(name != key or nested.model_fields[name].alias for name, key, _ in shapes):
        return partial(_as_dictionary, shapes)
    return partial(_in_place, [(name, form) for name, _, form in shapes if form is not None])


def _decimal_text(value: float) -> str:
    return format(Decimal(str(value)), "f")


def _in_place(forms: Sequence[tuple[str, Form]], nested: Any) -> Any:
    for name, form in forms:
        value = getattr(nested, name)
        if value is not None:
            setattr(nested, name, form(value))
    return nested


def _as_dictionary(shapes: Sequence[tuple[str, str, Form | None]], nested: Any) -> dict[str, Any]:
    kept = {}
    for name, key, form in shapes:
        value = getattr(nested, name)
        kept[key] = value if value is None or form is None else form(value)
    return kept


@lru_cache(maxsize=1024)
def _inner(model: type[BaseModel]) -> type[msgspec.Struct]:
    """Return the struct of a record inside another. What its class has besides fields goes along, and is tried."""
    base = Part if issubclass(model, Part) else Nested
    if not issubclass(model, base):
        raise Beyond(f"{model.__name__} is a record of its own")
    own = [pair for kind in reversed(model.__mro__[: model.__mro__.index(base)]) for pair in vars(kind).items()]
    methods = {name: value for name, value in own if not name.startswith("__") and name not in model.model_fields}
    if any(
        "__class__" in value.__code__.co_freevars for value in methods.values() if isinstance(value, types.FunctionType)
    ):
        raise Beyond(f"{model.__name__} has a method that calls super()")
    fields = _fields_of(model)
    aliases = {name: field.alias for name, field in model.model_fields.items() if field.alias}
    struct = _struct(model, fields, aliases, methods)
    if issubclass(model, Nested) and model.to_json is not Nested.to_json:
        if NUMBER in fields.values():
            raise Beyond(f"{model.__name__}.to_json would see other numbers than Decimal")
        try:
            is_alike = model.to_json(struct()) == model().to_json()  # type: ignore[arg-type]
        except Exception as error:
            raise Beyond(f"{model.__name__}.to_json wants more than fields") from error
        if not is_alike:
            raise Beyond(f"{model.__name__}.to_json looks at more than fields")
    return struct


def _struct(
    model: type[BaseModel],
    fields: Mapping[str, Any],
    aliases: Mapping[str, str],
    methods: Mapping[str, Any] | None = None,
) -> type[msgspec.Struct]:
    """Return a struct whose fields may all be null, by Clio's names; a payload's nulls are not written."""
    optional = [(name, kind | None, None) for name, kind in fields.items()]
    is_payload = issubclass(model, ClioPayload)
    try:
        struct = msgspec.defstruct(
            model.__name__,
            optional,
            namespace={**(methods or {})},
            rename={**aliases},
            omit_defaults=is_payload,
            gc=False,
        )
        msgspec.convert({}, struct)
    except (TypeError, ValueError) as error:
        raise Beyond(f"no struct can be made of {model.__name__}: {error}") from error
    return struct


def _fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return each field's type in a struct; Beyond where pydantic does more than look at types."""
    rules = model.__pydantic_decorators__
    own = rules.validators or rules.field_validators or rules.root_validators or rules.model_validators
    if own or model.__pydantic_post_init__ or model.__pydantic_custom_init__ or model.model_config != LENIENT:
        raise Beyond(f"{model.__name__} has validators or a configuration of its own")
    own_id = {"id": int} if issubclass(model, ClioPayload) else {}
    if own_id and model.model_fields["id"].annotation is not int:
        raise Beyond(f"{model.__name__}.id is no whole number")
    return {
        name: own_id.get(name) or _type_of(f"{model.__name__}.{name}", field)
        for name, field in model.model_fields.items()
    }


def _type_of(what: str, field: FieldInfo) -> Any:
    if field.validation_alias != field.alias or not all(isinstance(rule, WhereUnfit) for rule in field.metadata):
        raise Beyond(f"{what} has a rule, or several names at Clio")
    kinds = typing.get_args(field.annotation)
    if (
        field.is_required()
        or field.default is not None
        or (field.annotation is not Any and types.NoneType not in kinds)
    ):
        raise Beyond(f"{what} is required, or has another default than null")
    kind, *others = [each for each in kinds if each is not types.NoneType] or [Any]
    if others:
        raise Beyond(f"{what} may be of several kinds")
    if kind in AS_THEY_ARE:
        return kind
    if kind is Decimal:
        return NUMBER
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _inner(kind)
    if typing.get_origin(kind) is list:
        [item] = typing.get_args(kind)
        if item in IN_LISTS:
            return kind
        if isinstance(item, type) and issubclass(item, Nested | Reference):
            return list[_inner(item)]  # type: ignore[misc]
    raise Beyond(f"{what} is of a kind that no struct checks alike")
