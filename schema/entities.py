"""A GraphQL type tied to the listing its objects are read from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.types.base import StrawberryObjectDefinition

from core.auth.principal import Principal
from core.errors import BadInput
from schema.global_ids import GlobalId
from schema.read.listing import Listing
from schema.read.readers import Readers, Record, fetch
from schema.read.statements import number_statement


@dataclass(frozen=True, eq=False)
class Kinds:
    """The object types behind an interface, by what a column of the row says; `other` for what it may say besides."""

    column: str
    types: Mapping[str, type[Any]]
    other: type[Any]


@dataclass(frozen=True, eq=False)
class Entity:
    """One type of one schema. `type` is the class that GraphQL sees; an interface where there are `kinds`."""

    listing: Listing
    type: type[Any]
    kinds: Kinds | None = None

    @property
    def name(self) -> str:
        """The GraphQL name of the type."""
        return self.listing.type_name

    def make(self, record: Record) -> Any:
        """Return an object whose attributes are the columns of a row; fields named alike need no resolver."""
        kinds = self.kinds
        made = object.__new__(self.type if kinds is None else kinds.types.get(record[kinds.column], kinds.other))
        vars(made).update(record.items())
        return made

    async def find(self, readers: Readers, firm: int, number: int, *, place: Any = None) -> Any | None:
        """Return the object of a firm and number, whatever its presence; None where the caller sees none.

        Batched with all that is asked for at the same `place` of the request (`schema.context.place_of`).
        """
        record = await readers.records(self.listing, place).load((firm, number))
        return None if record is None else self.make(record)

    async def find_global(self, readers: Readers, found: GlobalId) -> Any | None:
        """Return the object of a global id; None where the caller sees none. Batched."""
        return await self.find(readers, found.firm, found.number)

    async def find_number(self, readers: Readers, principal: Principal, firm: int | None, number: int) -> Any | None:
        """Return the object of a number, in one firm or in whichever of the caller's firms has it.

        Raises:
            Forbidden: the caller may not see the firm.
            BadInput: more than one firm has such a number.
        """
        firms = principal.allowed_firms(firm)
        if firms is not None and len(firms) == 1:
            return await self.find(readers, next(iter(firms)), number)
        records = await fetch(readers.pool, number_statement(self.listing, firms, number))
        if len(records) > 1:
            raise BadInput(f"several firms have a {self.name} {number}: name one with the argument firm")
        return self.make(records[0]) if records else None


def describe_fields(declared: type[Any]) -> dict[str, str]:
    """Return the description of every field of a strawberry class, by Python name."""
    definition: StrawberryObjectDefinition = vars(declared)["__strawberry_definition__"]
    return {field.python_name: field.description or "" for field in definition.fields}
