"""Names of a new plugin: the singular of a plural, and what a field is called where Clio's own word cannot be used."""

import keyword
import re

from core.errors import BadInput
from core.resource import MIRROR_COLUMNS, ClioPayload, MirrorTable

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
NAME_MAX = 40

_TAKEN = frozenset(
    {*dir(ClioPayload), *dir(MirrorTable), *MIRROR_COLUMNS, "global_id"}
    | {"bool", "datetime", "int", "list", "str", "strawberry", "tuple"}
)
"""Names that a payload, a table or a GraphQL type has already, or that its annotations need."""

_IMPORTS = (
    "Array BigInt Boolean ClioEndpoint ClioPayload Date Decimal Field Integer Mirrored MirrorTable Numeric Path "
    "Reference Resource Text Timestamptz ToOne Unique WebhookModel"
)
"""What the module that is written imports, and so cannot call its type."""


def check_name(name: str) -> None:
    """Refuse a plugin name that cannot name a module, an entry point and a table.

    Raises:
        BadInput: says what a name may be, and what is wrong with this one.
    """
    if not NAME.match(name) or len(name) > NAME_MAX or keyword.iskeyword(name):
        raise BadInput(
            f"plugin name {name!r} cannot be used: give Clio's plural, such as tasks or calendar_entries, in lower "
            f"case letters, digits and single underscores, {NAME_MAX} characters at most"
        )


def singular_of(plural: str) -> str:
    """Return Clio's singular word for the plural in a path, such as `calendar_entry`.

    Raises:
        BadInput: it is no plural.
    """
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if plural.endswith(ending) and len(plural) > len(ending):
            return plural.removesuffix(ending) + instead
    if plural.endswith("s") and not plural.endswith("ss") and len(plural) > 1:
        return plural.removesuffix("s")
    raise BadInput(f"plugin name {plural!r} is no plural: give the word as in Clio's path, such as {plural}s")


def type_name_of(singular: str) -> str:
    """Return the GraphQL name of a type, such as `CalendarEntry`.

    Raises:
        BadInput: the module that is written needs that name itself.
    """
    name = "".join(word.capitalize() for word in singular.split("_"))
    if name in _IMPORTS.split():
        raise BadInput(f"a type cannot be called {name}, which every plugin imports: choose another plugin name")
    return name


def snake_of(type_name: str) -> str:
    """Return a type's name as Clio writes it in `fields`, such as `calendar_entry`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type_name).lower()


def words(name: str) -> str:
    """Return a name as words, such as `calendar entry`."""
    return name.replace("_", " ")


def with_article(text: str) -> str:
    """Return a singular with its article, such as `an activity`."""
    return ("an " if text[0] in "aeio" else "a ") + text


def attribute_of(field: str) -> str:
    """Return what a field of Clio's is called in Python, in the table and in GraphQL.

    It is Clio's name, with `clio_` before it where that is a word of Python's or taken by what every record has.
    """
    if keyword.iskeyword(field) or field in _TAKEN or field.startswith(("_", "model_")):
        return f"clio_{field.lstrip('_')}"
    return field


def cut_identifier(name: str) -> str:
    """Return a name cut to what PostgreSQL keeps of one, 63 characters."""
    return name[:63]
