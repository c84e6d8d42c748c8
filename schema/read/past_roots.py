"""The SQL of a root field that is read as of an instant."""

from graphql import get_named_type

from core.errors import AsOfUnsupported
from schema.read.as_of import AsOf, AsOfTables, check_instant
from schema.read.as_of_fields import check_fields
from schema.read.asked import Asked, Sql
from schema.read.compiler import Compiler, Place
from schema.read.horizon import firms_asked, purged_sql


def as_of_sql(compiler: Compiler, place: Place, tables: AsOfTables, found: Sql) -> Sql:
    """Return a root field, below the stand-ins of the tables it reads where the argument `asOf` is given."""
    reader, refusal = compiler.arguments(place), _refusal(compiler, place, tables)

    def write(asked: Asked) -> str:
        given = reader.read(asked.variables)
        at = given.get("as_of")
        if at is None:
            return found.render(asked)
        if refusal is not None:
            raise AsOfUnsupported(refusal)
        check_instant(at)
        asked.is_past = True
        try:
            text = found.render(asked)
        finally:
            asked.is_past = False
        firms = firms_asked(given, asked.principal)
        as_of = AsOf(at, firms, asked.parameters)
        asked.horizons.append(purged_sql(firms, as_of.instant, asked.parameters))
        return f"({tables.put_below(f'SELECT {text}', as_of)})"

    return Sql(write)


def _refusal(compiler: Compiler, place: Place, tables: AsOfTables) -> str | None:
    """Return the name of a field that is asked for and has no history; None where there is none."""
    try:
        check_fields(compiler.selections, tables, get_named_type(place.defined.type), place.nodes)
    except AsOfUnsupported as refusal:
        return refusal.name
    return None
