"""Fields that answer with one object: `contact(id:, clioId:)`, `node` and `nodes`."""

import asyncio
import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from core.errors import BadInput
from schema.arguments import argument, with_arguments
from schema.as_of import AS_OF, begin_as_of
from schema.context import Info
from schema.entities import Entity
from schema.global_ids import read_firm, read_global_id, read_id_of, read_number
from schema.read.as_of import AsOfTables
from schema.read.sources import MOST_NODES, READ, ByGlobalId, Lookup
from schema.types.mirrored import Node


def lookup_field(entity: Entity, tables: AsOfTables) -> Any:
    """Return the field that finds one mirrored record, whatever its presence."""

    async def resolve(
        root: Any,  # noqa: ARG001 - strawberry passes it
        info: Info,
        *,
        id: str | None = None,  # noqa: A002 - the argument's name
        clio_id: str | None = None,
        firm: str | None = None,
        as_of: datetime.datetime | None = None,
    ) -> Any:
        context = info.context
        if (id is None) == (clio_id is None):
            raise BadInput("pass one of id and clioId")
        wanted_firm = read_firm(firm)
        await begin_as_of(info, {"id": id, "firm": firm, "as_of": as_of}, tables)
        readers = context.readers_at(info.path)
        if clio_id is not None:
            number = read_number(clio_id, name="clioId")
            return await entity.find_number(readers, context.principal, wanted_firm, number)
        found = read_id_of(str(id), entity.name, name="id")
        if wanted_firm not in {None, found.firm}:
            return None
        return await entity.find_global(readers, found)

    arguments = {
        "id": argument(strawberry.ID, "Global id."),
        "clio_id": argument(strawberry.ID, "Clio's id; `firm` says whose where the caller sees several firms."),
        "firm": argument(strawberry.ID, "One firm, by number or global id."),
        "as_of": AS_OF,
    }
    return strawberry.field(
        resolver=with_arguments(resolve, arguments, entity.type | None),
        description=f"One {entity.name} by global id or by Clio's id, deleted ones included; null where there is none.",
        metadata={READ: Lookup(entity, tables)},
    )


def node_fields(entities: Mapping[str, Entity], tables: AsOfTables) -> dict[str, Any]:
    """Return the fields `node` and `nodes` over the given types."""

    async def find(info: Info, text: str) -> Any:
        found = read_global_id(text)
        entity = entities.get(found.type_name)
        return None if entity is None else await entity.find_global(info.context.readers_at(info.path), found)

    async def node(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Global id.")],  # noqa: A002
        as_of: AS_OF = None,
    ) -> Node | None:
        await begin_as_of(info, {"id": id, "as_of": as_of}, tables)
        made: Node | None = await find(info, id)
        return made

    async def nodes(
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids; at most 200.")],
        as_of: AS_OF = None,
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise BadInput(f"nodes takes at most {MOST_NODES} ids")
        await begin_as_of(info, {"ids": ids, "as_of": as_of}, tables)
        return list(await asyncio.gather(*(find(info, each) for each in ids)))

    return {
        "node": strawberry.field(
            resolver=node,
            description="An object by its global id; null where there is none.",
            metadata={READ: ByGlobalId(entities, many=False, as_of=tables)},
        ),
        "nodes": strawberry.field(
            resolver=nodes,
            description="Objects by their global ids, in that order.",
            metadata={READ: ByGlobalId(entities, many=True, as_of=tables)},
        ),
    }
