"""Order inputs: for each type an enum of the fields it can be ordered by."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry

from schema.filters import make_input
from schema.read.listing import Listing


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
    return make_input(
        f"{name}Order",
        f"One term of the order of a list of {name}.",
        {
            "field": (fields, strawberry.field(description="What to order by.")),
            "direction": (OrderDirection, strawberry.field(description="Which way.")),
        },
    )


def plain_order(order_by: Sequence[Any] | None) -> list[tuple[str, bool]]:
    """Return an order as (column, descending), for `schema.read.order`."""
    return [(term.field.value, term.direction is OrderDirection.DESC) for term in order_by or ()]
