"""Order inputs: for each type an enum of the fields it can be ordered by."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from core.errors import BadInput
from schema.filters import make_input
from schema.read.listing import ListColumn, Listing


@strawberry.enum(description="Which way a list runs. Null comes last in ascending order and first in descending.")
class OrderDirection(Enum):
    """Values are SQL's words."""

    ASC = strawberry.enum_value("asc", description="Smallest first.")
    DESC = strawberry.enum_value("desc", description="Largest first.")


def order_input(listing: Listing, descriptions: Mapping[str, str]) -> type[Any]:
    """Return the input `<Type>Order` of a listing, with its enum `<Type>OrderField`."""
    name = listing.type_name
    members: dict[str, Any] = {
        column.upper(): strawberry.enum_value(
            column, description=descriptions.get(column) or f"The {column.replace('_', ' ')}."
        )
        for column in listing.comparable
    }
    functional: Any = Enum  # mypy reads the functional form of Enum only where members are written out
    fields = strawberry.enum(
        functional(f"{name}OrderField", members, module=__name__),
        description=f"What a list of {name} can be ordered by.",
    )
    chosen: dict[str, Any] = {
        "field": (fields, strawberry.field(description="What to order by.")),
        "direction": (OrderDirection, strawberry.field(description="Which way.")),
    }
    if listing.orders:
        chosen["field"] = (
            fields | None,
            strawberry.field(default=strawberry.UNSET, description="What to order by; name one thing in each term."),
        )
    for order in listing.orders.values():
        chosen[order.name] = (
            order.input | None,
            strawberry.field(default=strawberry.UNSET, description=order.description),
        )
    return make_input(
        f"{name}Order",
        f"One term of the order of a list of {name}.",
        chosen,
    )


def plain_order(listing: Listing, order_by: Sequence[Any] | None) -> list[tuple[str | ListColumn, bool]]:
    """Return an order as (column, descending), for `schema.read.order`.

    Raises:
        BadInput: a term names nothing to order by, or more than one thing.
    """
    found: list[tuple[str | ListColumn, bool]] = []
    for term in order_by or ():
        descending = term.direction is OrderDirection.DESC
        names = ("field", *listing.orders)
        given = {name: value for name in names if (value := getattr(term, name)) not in _ABSENT}
        if len(given) != 1:
            raise BadInput(f"each term of orderBy names one of: {', '.join(map(to_camel_case, names))}")
        [(name, value)] = given.items()
        columns: Sequence[str | ListColumn] = [value.value] if name == "field" else listing.orders[name].columns(value)
        found += [(column, descending) for column in columns]
    return found


_ABSENT = (strawberry.UNSET, None)
