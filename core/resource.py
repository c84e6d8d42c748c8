"""The declaration of a resource: everything the service does with it is derived from here.

A plugin names its table, its Clio endpoint, its GraphQL type, its edges and its webhook model. Sync, writes, change
history, webhook handling, filters, connections, batching and contract tests all follow, and no plugin writes SQL.
"""

import dataclasses
import datetime
import inspect
import re
import typing
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from piccolo.columns import BigInt, BigSerial, Timestamptz, Varchar
from piccolo.columns.base import Column
from piccolo.constraints import Unique
from pydantic import BaseModel, ConfigDict

from core.db.dialect import PostgresTable
from core.errors import PluginError

LIFECYCLE = ("created", "updated", "deleted")
"""The webhook events every model of Clio's has. Source: Clio Manage webhooks guide."""

MIRROR_COLUMNS = ("id", "firm", "clio_id", "etag", "clio_created_at", "clio_updated_at", "presence", "seen_at")
"""Columns every mirror table has and no plugin writes itself."""


class MirrorTable(PostgresTable):
    """The columns every mirrored resource shares; (firm, clio_id) is unique."""

    id = BigSerial(primary_key=True)
    firm = BigInt(help_text="firm.id; every statement that reads a mirror table filters on it")
    clio_id = BigInt(help_text="Clio's id of the record; unique within the firm")
    etag = Varchar(length=None, null=True, default=None, help_text="Clio's etag, with its own double quotes")
    clio_created_at = Timestamptz(null=True, default=None, help_text="Clio's created_at")
    clio_updated_at = Timestamptz(null=True, default=None, help_text="Clio's updated_at, whole seconds")
    presence = Varchar(length=10, default="present", help_text="present | deleted | hidden | unknown")
    seen_at = Timestamptz(help_text="when the request or delivery that last changed this row began")


class ClioPayload(BaseModel):
    """One record as Clio sends it, cut to the fields the mirror keeps.

    `fields=` of every request is read off the model: a nested model asks for its own fields in braces, one level deep,
    which is all Clio allows. All but `id` may be null: Clio's spec declares no field as required in an answer.
    Source: Clio API, fields.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    etag: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the columns of the plugin's own table, by name; the common ones are added by the mirror writer.

        The default takes every field that is named as a column is. Override it where names or shapes differ.
        """
        own = {"id", "etag", "created_at", "updated_at"}
        return {name: getattr(self, name) for name in type(self).model_fields if name not in own}


class Reference(BaseModel):
    """An association of which the mirror keeps the id alone: `matter{id}`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | None = None


def reference_id(reference: Reference | None) -> int | None:
    """Return the id behind an association; None when it is empty or redacted."""
    return reference.id if reference else None


def clio_fields(payload: type[BaseModel]) -> str:
    """Return the `fields` parameter for a payload model, such as `id,etag,client{id}`.

    Raises:
        PluginError: the model nests two levels, which Clio answers with 400.
    """
    return ",".join(_field_text(payload, name, nested=False) for name in payload.model_fields)


def _field_text(payload: type[BaseModel], name: str, *, nested: bool) -> str:
    model = _model_in(payload.model_fields[name].annotation)
    if model is None:
        return name
    if nested:
        raise PluginError(
            f"{payload.__name__}.{name} nests a second level of fields, which Clio refuses with 400: flatten it"
        )
    return name + "{" + ",".join(_field_text(model, inner, nested=True) for inner in model.model_fields) + "}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the pydantic model inside `X`, `X | None` or `list[X]`; None for plain values."""
    if inspect.isclass(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClioEndpoint:
    """Where Clio keeps a resource.

    `path` is relative to `/api/v4`, without `.json`. `page_limit` is the most rows Clio gives in one page (200; users
    2000). `params` go with every list request.
    """

    path: str
    payload: type[ClioPayload]
    page_limit: int = 200
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @cached_property
    def fields(self) -> str:
        """The `fields` parameter of every request for this resource."""
        return clio_fields(self.payload)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookModel:
    """The Clio webhook model that reports changes of a resource. `fields` None asks for the endpoint's own fields."""

    model: str
    events: Sequence[str] = LIFECYCLE
    fields: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToOne:
    """An edge from this resource to one record of another, by the Clio id kept in `column`.

    `to` is the GraphQL type at the other end. `reverse`, where given, is the name of the connection that the other
    type gains. There is no foreign key: the parent may arrive after the child, and the edge is null until it does.
    """

    name: str
    to: str
    column: str
    description: str
    reverse: str | None = None
    reverse_description: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """One Clio resource: its table, endpoint, GraphQL type, edges and webhook model. Equal only to itself.

    `name` is Clio's singular word (`contact`), `plural` the name of the list (`contacts`; the endpoint's path unless
    given). `poll_s` is how often an incremental run looks for what no webhook told.
    """

    IDENTIFIER: ClassVar[re.Pattern[str]] = re.compile(r"[a-z][a-z0-9_]*\Z")

    name: str
    table: type[MirrorTable]
    type: type[Any]
    endpoint: ClioEndpoint
    edges: Sequence[ToOne] = ()
    webhook: WebhookModel | None = None
    plural: str = ""
    poll_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.plural:
            object.__setattr__(self, "plural", self.endpoint.path)
        for text in (self.name, self.plural):
            if not self.IDENTIFIER.match(text):
                raise PluginError(f"resource name {text!r} must be lower case letters, digits and underscores")
        if not issubclass(self.table, MirrorTable):
            raise PluginError(f"resource {self.name}: table {self.table.__name__} must be a core.resource.MirrorTable")
        for edge in self.edges:
            if edge.column not in self.columns:
                raise PluginError(
                    f"resource {self.name}: edge {edge.name} names a column that is not there: {edge.column}"
                )

    @property
    def type_name(self) -> str:
        """The GraphQL name of the type."""
        return self.type.__name__

    @property
    def table_name(self) -> str:
        """The name of the table in PostgreSQL."""
        return str(self.table._meta.tablename)  # noqa: SLF001 - Piccolo has no public way to ask

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Every column of the table by name, in order of declaration, the common ones first."""
        declared = {column._meta.name: column for column in self.table._meta.columns}  # noqa: SLF001 - as above
        first = {name: declared[name] for name in MIRROR_COLUMNS}
        return first | declared

    @cached_property
    def own_columns(self) -> dict[str, Column]:
        """The columns the plugin declared, without the common ones."""
        return {name: column for name, column in self.columns.items() if name not in MIRROR_COLUMNS}


def sql_type(column: Column) -> str:
    """Return the PostgreSQL type of a column, such as `bigint` or `numeric(14,2)`."""
    return {"BIGSERIAL": "BIGINT", "SERIAL": "INTEGER"}.get(str(column.column_type), str(column.column_type)).lower()


__all__ = [
    "LIFECYCLE",
    "MIRROR_COLUMNS",
    "ClioEndpoint",
    "ClioPayload",
    "MirrorTable",
    "Reference",
    "Resource",
    "ToOne",
    "Unique",
    "WebhookModel",
    "clio_fields",
    "reference_id",
    "sql_type",
]
