"""The `fields` parameter: names, and one level of names within an association."""

import re
from functools import lru_cache

from mock_clio.tables.catalog import SCHEMAS
from mock_clio.tables.declare import Schema

Selection = tuple[tuple[str, tuple[str, ...] | None], ...]
"""Names in the order asked for; the second part holds an association's sub-fields, None where none were named."""

DEFAULT = ("id", "etag")
_TOKEN = re.compile(r"[{},]|[^{},]+")


class InvalidFieldsError(Exception):
    """`fields` names something that does not exist, nests too deep, or cannot be read."""


def defaults(schema: Schema) -> tuple[str, ...]:
    """What a record answers when no field is asked for: id and etag, as far as it has them.

    One without an id, such as the header of an upload, comes whole: there is no way to ask for its parts where it lies
    two levels deep.
    """
    if "id" in schema.fields:
        return tuple(name for name in DEFAULT if name in schema.fields)
    parts = (name for name, link in schema.associations.items() if "id" not in SCHEMAS[link.target].fields)
    return (*schema.fields, *parts)


@lru_cache(maxsize=4096)
def parse_fields(schema_name: str, text: str) -> Selection:
    """Read `fields`; empty text gives the defaults.

    Raises:
        InvalidFieldsError: unknown name, second level of nesting, or unbalanced braces.
    """
    schema = SCHEMAS[schema_name]
    if not text.strip():
        return tuple((name, None) for name in defaults(schema))
    selection: dict[str, tuple[str, ...] | None] = {}
    for name, inner in _split(text):
        if not schema.knows(name):
            raise InvalidFieldsError(f"The fields parameter holds an unknown field: '{name}'")
        if inner is None:
            selection[name] = None
            continue
        if name not in schema.associations:
            raise InvalidFieldsError(f"The field '{name}' takes no sub-fields")
        selection[name] = _sub_fields(schema, name, inner)
    return tuple(selection.items())


def _sub_fields(schema: Schema, name: str, inner: str) -> tuple[str, ...]:
    target = SCHEMAS[schema.associations[name].target]
    names = tuple(dict.fromkeys(word.strip() for word in inner.split(",") if word.strip()))
    for word in names:
        if not target.knows(word):
            raise InvalidFieldsError(f"The fields parameter holds an unknown field: '{name}{{{word}}}'")
    return names or defaults(target)


def _split(text: str) -> list[tuple[str, str | None]]:
    """Cut `a,b{c,d}` into names with the text between their braces."""
    parts: list[tuple[str, str | None]] = []
    inside: list[str] | None = None
    for piece in _TOKEN.findall(text):
        if piece == "{":
            if inside is not None:
                raise InvalidFieldsError("The fields parameter nests deeper than one level")
            if not parts or parts[-1][1] is not None:
                raise InvalidFieldsError("The fields parameter cannot be read: brace without a name")
            inside = []
        elif piece == "}":
            if inside is None:
                raise InvalidFieldsError("The fields parameter cannot be read: closing brace without an opening one")
            parts[-1] = (parts[-1][0], "".join(inside))
            inside = None
        elif inside is not None:
            inside.append(piece)
        elif piece != "," and piece.strip():
            parts.append((piece.strip(), None))
    if inside is not None:
        raise InvalidFieldsError("The fields parameter cannot be read: brace left open")
    return parts


def everything(schema: Schema) -> Selection:
    """Every field, and in every association every scalar of what it holds."""
    whole: list[tuple[str, tuple[str, ...] | None]] = [(name, None) for name in schema.fields]
    for name, association in schema.associations.items():
        whole.append((name, tuple(SCHEMAS[association.target].fields) or None))
    return tuple(whole)
