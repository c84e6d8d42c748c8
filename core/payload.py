"""Records as Clio sends them, cut to what the mirror keeps; and the `fields` parameter, read off the models."""

import dataclasses
import datetime
import enum
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from core.errors import PluginError

LENIENT = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)
"""How records are read: what is not asked for is passed over, and a number where text was promised is taken as text."""


COMMON = ("id", "etag", "created_at", "updated_at")
"""Fields of every payload; their columns are the mirror writer's."""


class ClioPayload(BaseModel):
    """One record as Clio sends it, cut to the fields the mirror keeps.

    `fields=` of every request is read off the model: a nested model asks for its own fields in braces, one level deep,
    which is all Clio allows. All but `id` may be null: Clio's spec declares no field as required in an answer.
    `absent` names the common fields that Clio has not on this record, and would answer 400 to. A field whose name at
    Clio cannot be used here has that name as its alias. Source: Clio API, fields.

    `renamed` has the columns that are called otherwise than `to_row` would, by the name that it would use; `hidden_by`
    the columns that are null where a flag of Clio's is true, whatever Clio put there.
    """

    model_config = LENIENT

    absent: ClassVar[frozenset[str]] = frozenset()
    renamed: ClassVar[Mapping[str, str]] = {}
    hidden_by: ClassVar[Mapping[str, Sequence[str]]] = {}

    id: int
    etag: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the plugin's own table, by name; the common ones are added by the mirror writer.

        The default takes every field that is named as a column is, each field of a `Part` for the column
        `<field>_<its name>`, where the id's is `<field>_clio_id`, and of a list of references the ids, for
        `<singular>_clio_ids`. Override it where a shape differs: pages are then read more slowly.
        """
        names, row = columns_of(type(self)), self.__dict__.copy()
        for name in COMMON:
            del row[name]
        for name, inner in names.parts:
            part = row.pop(name)
            for of, column in inner:
                row[column] = None if part is None else getattr(part, of)
        for name, column in names.lists:
            row[column] = reference_ids(row.pop(name))
        for name, column in names.renamed:
            row[column] = row.pop(name)
        for flag, columns in self.hidden_by.items():
            if getattr(self, flag):
                row |= dict.fromkeys(columns)
        return row


class Nested(BaseModel):
    """A record inside another, such as an e-mail address of a contact; kept as JSON in a jsonb column.

    The JSON is what GraphQL answers with: keys as the fields, ids and decimals as text, instants in UTC, and
    `<field>_clio_id` for a `Reference`. The strawberry type that serves it has its fields named alike.
    """

    model_config = LENIENT

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is kept. Override it where names or shapes differ; its values stay JSON's."""
        held, kept = self.__dict__, dict[str, Any]()
        for name, key, form in forms_of(type(self)):
            value = held[name]
            kept[key] = value if value is None or form is None else form(value)
        return kept


class Part(BaseModel):
    """A small record inside another, of which the mirror keeps each field in a column of its own; see `to_row`."""

    model_config = LENIENT


class Reference(Part):
    """An association of which the mirror keeps the id alone: `matter{id}`, or just `matter` inside a nested record."""

    id: int | None = None


class NamedReference(Reference):
    """An association of which the mirror keeps id and name: `practice_area{id,name}`."""

    name: str | None = None


@dataclasses.dataclass(frozen=True)
class WhereUnfit:
    """Makes something of a value that its field does not take: `Annotated[str | None, WhereUnfit(mend)]`.

    `mend` returns what to try instead; it never sees a value that fits. Unlike a validator of pydantic's, it leaves
    pages to be read the quick way (`core.mirror.quick`).
    """

    mend: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Try the value, then what is made of it; pydantic calls this once for each field."""
        return core_schema.no_info_wrap_validator_function(self._take, handler(source))

    def _take(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return handler(self.mend(value))


def reference_id(reference: Reference | None) -> int | None:
    """Return the id behind an association; None when it is empty or redacted."""
    return reference.id if reference else None


def reference_ids(references: Sequence[Reference] | None) -> list[int] | None:
    """Return the ids behind a list of associations, without empty and redacted ones; None where Clio told no list."""
    return None if references is None else [each.id for each in references if each.id is not None]


PLAIN_JSON = (str, bool, str | None, bool | None)
NUMBERS = (int, float, int | None, float | None)
"""Annotations of what is JSON as it stands; but ids are kept as text."""


def json_form(value: Any) -> Any:
    """Return a value as the mirror keeps it inside a jsonb column; see `Nested`."""
    match value:
        case Nested():
            return value.to_json()
        case list() | tuple():
            return [json_form(item) for item in value]
        case dict():
            return {name: json_form(item) for name, item in value.items()}
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat()
        case datetime.date() | datetime.time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return value


class Shape(enum.Enum):
    """What a field of a payload model holds, as far as its columns go."""

    COMMON = "common"
    PLAIN = "plain"
    PART = "part"
    REFERENCES = "references"


@lru_cache(maxsize=1024)
def _shapes(payload: type[BaseModel]) -> tuple[tuple[str, Shape], ...]:
    """Return the fields of a model with their shapes; looked up once, for a page asks it of every record."""
    return tuple((name, _shape(payload, name)) for name in payload.model_fields)


class Columns(NamedTuple):
    """The fields of a model that are not columns under their own name, each with its column, by shape."""

    parts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    lists: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def columns_of(payload: type[ClioPayload]) -> Columns:
    """Return how the fields of a model become columns."""

    def column(name: str) -> str:
        return payload.renamed.get(name, name)

    def inner(name: str) -> tuple[tuple[str, str], ...]:
        part = model_in(payload.model_fields[name].annotation)
        fields = () if part is None else part.model_fields
        return tuple((of, column(f"{name}_{'clio_id' if of == 'id' else of}")) for of in fields)

    def of(wanted: Shape) -> list[str]:
        return [name for name, shape in _shapes(payload) if shape is wanted]

    return Columns(
        parts=tuple((name, inner(name)) for name in of(Shape.PART)),
        lists=tuple((name, column(f"{name.removesuffix('s')}_clio_ids")) for name in of(Shape.REFERENCES)),
        renamed=tuple((name, column(name)) for name in of(Shape.PLAIN) if name in payload.renamed),
    )


def _shape(payload: type[BaseModel], name: str) -> Shape:
    annotation = payload.model_fields[name].annotation
    model = model_in(annotation)
    if name in COMMON and issubclass(payload, ClioPayload):
        return Shape.COMMON
    if model is None or not issubclass(model, Part):
        return Shape.PLAIN
    if not is_list(annotation):
        return Shape.PART
    return Shape.REFERENCES if issubclass(model, Reference) else Shape.PLAIN


@lru_cache(maxsize=1024)
def forms_of(nested: type[BaseModel]) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
    """Return of each field its name, the key it is kept under, and what makes JSON of its value, where it is not."""
    found: list[tuple[str, str, Callable[[Any], Any] | None]] = []
    for name, shape in _shapes(nested):
        is_id = name == "id" or name.endswith("_id")
        if shape is Shape.PART:
            found.append((name, f"{name}_clio_id", _reference_form))
        elif nested.model_fields[name].annotation in (PLAIN_JSON if is_id else PLAIN_JSON + NUMBERS):
            found.append((name, name, None))
        else:
            found.append((name, name, _id_form if is_id else json_form))
    return tuple(found)


def _reference_form(reference: Reference) -> str | None:
    return None if reference.id is None else str(reference.id)


def _id_form(value: Any) -> Any:
    return str(value) if type(value) is int else json_form(value)


def clio_fields(payload: type[BaseModel]) -> str:
    """Return the `fields` parameter for a payload model, such as `id,etag,client{id}`.

    Raises:
        PluginError: the model nests two levels, which Clio answers with 400.
    """
    absent = payload.absent if issubclass(payload, ClioPayload) else frozenset()
    return ",".join(_field_text(payload, name, nested=False) for name in payload.model_fields if name not in absent)


def listing_fields(payload: type[ClioPayload]) -> str:
    """Return the `fields` parameter that tells which version of a record Clio has: `id,etag,updated_at`."""
    return ",".join(name for name in ("id", "etag", "updated_at") if name not in payload.absent)


def _field_text(payload: type[BaseModel], name: str, *, nested: bool) -> str:
    field = payload.model_fields[name]
    model, asked = model_in(field.annotation), field.alias or name
    if model is None or (nested and model is Reference):
        return asked
    if nested:
        raise PluginError(
            f"{payload.__name__}.{name} nests a second level of fields, which Clio refuses with 400: flatten it, or "
            "make it a Reference, of which Clio then answers the id"
        )
    return asked + "{" + ",".join(_field_text(model, inner, nested=True) for inner in model.model_fields) + "}"


def is_list(annotation: Any) -> bool:
    """Whether an annotation is a list, or may be one."""
    return typing.get_origin(annotation) is list or any(map(is_list, typing.get_args(annotation)))


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the pydantic model inside `X`, `X | None` or `list[X]`; None for plain values."""
    if inspect.isclass(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
