"""Arguments of fields: how they are declared, and a list as its arguments ask for it."""

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from core.auth.principal import Principal
from schema.entities import Entity
from schema.filters import plain
from schema.global_ids import read_firm
from schema.orders import plain_order
from schema.read.order import read_order
from schema.read.statements import ListQuery, Owned
from schema.read.window import read_window

PAGING = ("first", "after", "last", "before")


def argument(annotation: Any, description: str, *, name: str | None = None) -> Any:
    """Return the annotation of an optional argument; `name` is for one whose name Python reserves."""
    return Annotated[annotation | None, strawberry.argument(description=description, name=name)]


def list_arguments(where: Any | None, order: Any | None, *, with_firm: bool) -> dict[str, Any]:
    """Return the arguments of a connection field, by Python name."""
    found = {
        "first": argument(int, "Rows from the start, or after `after`; 50 unless given."),
        "after": argument(str, "A cursor: the page begins after it."),
        "last": argument(int, "Rows from the end, or before `before`."),
        "before": argument(str, "A cursor: the page ends before it."),
    }
    if where is not None:
        found["filter"] = argument(where, "Which rows; all unless given.")
    if order is not None:
        terms: Any = list[order]  # type: ignore[valid-type]  # a class made at run time
        found["order_by"] = argument(terms, "Terms of the order; what ties is ordered by Clio's id.")
    if with_firm:
        found["firm"] = argument(strawberry.ID, "One firm, by number or global id; all of the caller's unless given.")
    return found


def with_arguments(resolve: Any, arguments: dict[str, Any], returns: Any) -> Any:
    """Give a resolver that takes `**arguments` the signature strawberry reads: root, info, then the arguments."""
    kinds = inspect.Parameter
    leading = [
        kinds("root", kinds.POSITIONAL_OR_KEYWORD, annotation=Any),
        kinds("info", kinds.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
    ]
    optional = [
        kinds(name, kinds.KEYWORD_ONLY, annotation=annotation, default=strawberry.UNSET)
        for name, annotation in arguments.items()
    ]
    resolve.__signature__ = inspect.Signature([*leading, *optional], return_annotation=returns)
    resolve.__annotations__ = {
        "root": Any,
        "info": strawberry.Info,
        **arguments,
        "return": returns,
    }
    return resolve


def list_name(parent: str, field: str) -> str:
    """Return what cursors call the list of a field, by Python names: `contacts`, or `Contact.matters`."""
    return field if parent == "Query" else f"{parent}.{field}"


def read_list_query(
    entity: Entity,
    given: Mapping[str, Any],
    principal: Principal,
    *,
    name: str,
    owned: Owned | None,
    max_page: int,
) -> ListQuery:
    """Return the list that arguments, by Python name, ask for.

    Raises:
        BadInput: an argument is not what it should be.
        Forbidden: the argument `firm` names a firm that is not the caller's.
    """
    listing = entity.listing
    order = read_order(listing, plain_order(listing, given.get("order_by")))
    where = None if given.get("filter") is None else plain(listing, given["filter"])
    if (resource := given.get("resource")) is not None:
        where = {"and": [where or {}, {"resource": {"eq": resource}}]}
    return ListQuery(
        listing=listing,
        firms=principal.allowed_firms(read_firm(given.get("firm"))),
        where=where,
        order=order,
        window=read_window(name, order, max_page=max_page, **{each: given.get(each) for each in PAGING}),
        name=name,
        owned=owned,
    )
