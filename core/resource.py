"""The declaration of a resource: everything the service does with it is derived from here.

A plugin names its table, its Clio endpoint, its GraphQL type, its edges and its webhook model. Sync, writes, change
history, webhook handling, filters, connections, batching and contract tests all follow, and no plugin writes SQL.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from piccolo.columns import BigInt, BigSerial, Timestamptz, Varchar
from piccolo.columns.base import Column
from piccolo.constraints import Unique

from core.db.dialect import PostgresTable
from core.errors import PluginError
from core.payload import ClioPayload, NamedReference, Nested, Part, Reference, WhereUnfit, clio_fields, reference_id

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


class Quantity(BigInt):
    """A column for a whole number that counts something and may need more than 32 bits; a `BigInt` names a record."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Parents:
    """The records under each of which Clio lists a resource that has no list of its own.

    `where` is a condition in SQL on `parent`, a row of their table: those whose list holds what the mirror lacks, so
    that a request is spent on no other. An incremental run asks only for parents that changed since the last one.
    """

    resource: "Resource"
    where: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClioEndpoint:
    """Where Clio keeps a resource.

    `path` is relative to `/api/v4`, without `.json`; with `parents` it holds `{parent}` where the parent's id goes.
    `page_limit` is the most rows Clio gives in one page (200; users 2000). `params` go with every list request.
    `variants` are further parameters of the lists that only together hold every record, read one after the other; the
    first names none of those that the others add.
    """

    path: str
    payload: type[ClioPayload]
    page_limit: int = 200
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parents: Parents | None = None
    variants: Sequence[Mapping[str, str]] = ({},)

    def __post_init__(self) -> None:
        if (self.parents is not None) != ("{parent}" in self.path):
            raise PluginError(f"endpoint {self.path}: `parents` and {{parent}} in the path go together")

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToMany:
    """An edge from this resource to many records of another, by the Clio ids kept in the bigint array `column`.

    `to` and `reverse` are as in `ToOne`: both ends are connections.
    """

    name: str
    to: str
    column: str
    description: str
    reverse: str | None = None
    reverse_description: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """Records of another resource that come inside this one's payload, and are written with it.

    `take` returns them, without I/O; they carry every field of their own payload model.
    """

    resource: "Resource"
    take: Callable[[Any], Sequence[ClioPayload]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """One Clio resource: its table, endpoint, GraphQL type, edges and webhook model. Equal only to itself.

    `name` is Clio's singular word (`contact`), `plural` the name of the list (`contacts`; the endpoint's path unless
    given). `poll_s` is how often an incremental run looks for what no webhook told, and `poll_uncovered_s` how often
    while there is a webhook model and nothing is delivered (`core.webhooks.coverage`), both until polls show that more
    or less often will do (`core.sync.pace`); `reconcile_s` is how often the whole list is compared with the mirror.
    `unserved` names the columns that the GraphQL type leaves out, each with the reason. `redacted` names the boolean
    column, if there is one, by which Clio says that it hid values: such a record does not replace one of the same
    second that was shown in full. `trash_column` names the column, if there is one, that holds a value while a record
    lies in Clio's trash, where lists still show it: such a record is `deleted`, and `present` again when it is
    restored.
    """

    IDENTIFIER: ClassVar[re.Pattern[str]] = re.compile(r"[a-z][a-z0-9_]*\Z")

    name: str
    table: type[MirrorTable]
    type: type[Any]
    endpoint: ClioEndpoint
    edges: Sequence[ToOne | ToMany] = ()
    embeds: Sequence[Embedded] = ()
    webhook: WebhookModel | None = None
    plural: str = ""
    poll_s: float = 300.0
    poll_uncovered_s: float = 60.0
    reconcile_s: float = 86400.0
    unserved: Mapping[str, str] = dataclasses.field(default_factory=dict)
    redacted: str | None = None
    trash_column: str | None = None

    def __post_init__(self) -> None:
        if not self.plural:
            object.__setattr__(self, "plural", self.endpoint.path)
        for text in (self.name, self.plural):
            if not self.IDENTIFIER.match(text):
                raise PluginError(f"resource name {text!r} must be lower case letters, digits and underscores")
        if not issubclass(self.table, MirrorTable):
            raise PluginError(f"resource {self.name}: table {self.table.__name__} must be a core.resource.MirrorTable")
        for name in ("redacted", "trash_column"):
            if getattr(self, name) not in {None, *self.columns}:
                raise PluginError(f"resource {self.name}: `{name}` names a column that is not there")
        for edge in self.edges:
            if edge.column not in self.columns:
                raise PluginError(
                    f"resource {self.name}: edge {edge.name} names a column that is not there: {edge.column}"
                )

    @property
    def has_list(self) -> bool:
        """Whether Clio lists all of its records at one address, as reconciling needs."""
        return self.endpoint.parents is None

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
    "Embedded",
    "MirrorTable",
    "NamedReference",
    "Nested",
    "Parents",
    "Part",
    "Quantity",
    "Reference",
    "Resource",
    "ToMany",
    "ToOne",
    "Unique",
    "WebhookModel",
    "WhereUnfit",
    "clio_fields",
    "reference_id",
    "sql_type",
]
