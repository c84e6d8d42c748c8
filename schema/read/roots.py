"""The SQL of root fields that find objects by their ids: `contact(id:, clioId:)`, `node` and `nodes`."""

from collections.abc import Sequence

from core.errors import BadInput
from schema.entities import Entity
from schema.global_ids import GlobalId, read_firm, read_global_id, read_id_of, read_number
from schema.read.asked import Asked, Sql
from schema.read.compiler import Compiler, Place
from schema.read.parameters import firm_predicate
from schema.read.sources import MOST_NODES, ByGlobalId, Lookup


def lookup_sql(compiler: Compiler, place: Place, source: Lookup) -> Sql:
    """Return the JSON of one record; PostgreSQL refuses the statement where several firms have the number."""
    alias, reader, entity = compiler.alias(), compiler.arguments(place), source.entity

    def condition(asked: Asked) -> str:
        given = reader.read(asked.variables)
        by_id, by_clio_id = given.get("id"), given.get("clio_id")
        if (by_id is None) == (by_clio_id is None):
            raise BadInput("pass one of id and clioId")
        firm, parameters, listing = read_firm(given.get("firm")), asked.parameters, entity.listing
        if by_clio_id is not None:
            number = parameters.add(read_number(by_clio_id, name="clioId"), "bigint")
            within = firm_predicate(listing, alias, asked.principal.allowed_firms(firm), parameters)
            return f"{within} AND {alias}.{listing.key} = {number}"
        found = read_id_of(str(by_id), entity.name, name="id")
        if firm not in {None, found.firm}:
            return "false"
        ends = parameters.add(found.firm, "bigint"), parameters.add(found.number, "bigint")
        return _is(entity, alias, *ends, asked)

    base = f"{compiler.row_of(entity.listing)} AS {alias}"
    return Sql("(", compiler.object(entity, place.nodes, alias, base, " WHERE ", condition), ")")


def global_id_sql(compiler: Compiler, place: Place, source: ByGlobalId) -> Sql:
    """Return the JSON of `node`, or of `nodes`: an object, or a list, of whatever types the ids name."""
    objects = _Objects(compiler, place, source)
    reader = compiler.arguments(place)

    def one(asked: Asked) -> str:
        found = objects.write([read_global_id(str(reader.read(asked.variables)["id"]))], asked)
        return f"(SELECT found FROM ({found}) AS f)"

    def several(asked: Asked) -> str:
        ids = reader.read(asked.variables)["ids"]
        if len(ids) > MOST_NODES:
            raise BadInput(f"nodes takes at most {MOST_NODES} ids")
        found = objects.write([read_global_id(each) for each in ids], asked)
        count = asked.parameters.add(len(ids), "integer")
        return (
            f"(SELECT coalesce(json_agg(f.found ORDER BY place), '[]'::json)"
            f" FROM generate_series(1, {count}) AS place LEFT JOIN ({found}) AS f USING (place))"
        )

    return Sql(several if source.many else one)


class _Objects:
    """What is asked of objects by their global ids, compiled for each type when an id of that type first comes."""

    def __init__(self, compiler: Compiler, place: Place, source: ByGlobalId) -> None:
        self._compiler = compiler
        self._place = place
        self._entities = source.entities
        self._known: dict[str, Sql] = {}
        self._wanted, self._alias = compiler.alias(), compiler.alias()

    def write(self, ids: Sequence[GlobalId], asked: Asked) -> str:
        """Return the SELECT of `place`, from 1, and `found`, the object, of those ids that name one the caller sees."""
        parts = ["SELECT NULL::integer AS place, NULL::json AS found WHERE false"]
        for type_name in sorted({each.type_name for each in ids} & self._entities.keys()):
            places = [(place, each) for place, each in enumerate(ids, 1) if each.type_name == type_name]
            columns = (
                asked.parameters.add([place for place, _ in places], "integer[]"),
                asked.parameters.add([each.firm for _, each in places], "bigint[]"),
                asked.parameters.add([each.number for _, each in places], "bigint[]"),
            )
            parts.append(
                f"SELECT {self._wanted}.place, o.row_to_json FROM unnest({', '.join(columns)})"
                f" AS {self._wanted} (place, firm, number)"
                f" CROSS JOIN LATERAL ({self._object(type_name).render(asked)}) AS o"
            )
        return " UNION ALL ".join(parts)

    def _object(self, type_name: str) -> Sql:
        if type_name not in self._known:
            entity, alias, wanted = self._entities[type_name], self._alias, self._wanted
            self._known[type_name] = self._compiler.object(
                entity,
                self._place.nodes,
                alias,
                f"{self._compiler.row_of(entity.listing)} AS {alias}",
                " WHERE ",
                lambda asked: _is(entity, alias, f"{wanted}.firm", f"{wanted}.number", asked),
            )
        return self._known[type_name]


def _is(entity: Entity, alias: str, firm: str, number: str, asked: Asked) -> str:
    """Write the condition that a row has a firm and a number, and that the caller may see it."""
    listing = entity.listing
    within = firm_predicate(listing, alias, asked.principal.firms, asked.parameters)
    return f"{within} AND {alias}.{listing.firm_column} = {firm} AND {alias}.{listing.key} = {number}"
