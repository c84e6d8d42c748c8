"""Whether a webhook's payload carries everything the mirror keeps, and so may be taken as data."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Selection: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Field name and the names nested in its braces."""


@lru_cache(maxsize=256)
def parse_selection(fields: str) -> Selection:
    """Return the names in a `fields` parameter such as `id,etag,client{id,name}`, which nests one level at most."""
    selection: list[tuple[str, tuple[str, ...]]] = []
    rest = fields
    while rest:
        name, brace, after = rest, "", ""
        comma, opening = rest.find(","), rest.find("{")
        if opening != -1 and (comma == -1 or opening < comma):
            name, brace, after = rest[:opening], "{", rest[opening + 1 :]
        elif comma != -1:
            name, after = rest[:comma], rest[comma + 1 :]
        if brace:
            inner, _, after = after.partition("}")
            selection.append((name.strip(), tuple(part.strip() for part in inner.split(","))))
            rest = after.lstrip(", ")
        else:
            selection.append((name.strip(), ()))
            rest = after
    return tuple(selection)


def is_complete(data: Mapping[str, Any], fields: str) -> bool:
    """Whether a payload has a key for every field asked for, nested ones included, and says when it was updated.

    An association that is null is complete: the record has none. Without `updated_at` the payload cannot be compared
    with the row, so it is not complete whatever else it holds.
    """
    if not data.get("updated_at"):
        return False
    return all(name in data and _has(data[name], nested) for name, nested in parse_selection(fields))


def _has(value: Any, nested: tuple[str, ...]) -> bool:
    if not nested or value is None:
        return True
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, Mapping) and all(name in item for name in nested) for item in items)
