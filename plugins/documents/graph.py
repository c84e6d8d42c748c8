"""What documents add to GraphQL beyond their types: where a record lies in the tree of folders, and what is below."""

from collections.abc import Sequence
from typing import Any

import strawberry

from core.db.engine import Pool
from plugins.documents.download import download_field
from plugins.documents.metrics import metrics_field
from schema.context import Info, place_of
from schema.entities import Entity
from schema.extensions import Connection, Extension, Graph, ObjectField
from schema.read.parameters import Parameters
from schema.read.readers import Record, fetch
from schema.read.statements import Statement

DEEPEST = 100
"""Folders above a record that are looked up; more are not shown, and the path is then null."""

_CLIMB = """
WITH RECURSIVE climbed AS (
    SELECT wanted.place, folder.id, folder.firm, folder.parent_clio_id, 1 AS depth, ARRAY[folder.clio_id] AS visited
    FROM unnest({firms}, {numbers}) WITH ORDINALITY AS wanted (firm, number, place)
    JOIN documents_folder AS folder ON folder.firm = wanted.firm AND folder.clio_id = wanted.number{allowed}
    UNION ALL
    SELECT climbed.place, folder.id, folder.firm, folder.parent_clio_id, climbed.depth + 1,
           climbed.visited || folder.clio_id
    FROM climbed
    JOIN documents_folder AS folder ON folder.firm = climbed.firm AND folder.clio_id = climbed.parent_clio_id
    WHERE climbed.depth < {deepest} AND folder.clio_id <> ALL (climbed.visited)
)
SELECT climbed.place AS _place, t.* FROM climbed JOIN documents_folder AS t ON t.id = climbed.id
ORDER BY climbed.place, climbed.depth DESC"""

_BELOW = """{alias}.parent_clio_id = ANY (ARRAY(
    WITH RECURSIVE below AS (
        SELECT owner.number AS clio_id
        UNION
        SELECT folder.clio_id FROM below
        JOIN documents_folder AS folder ON folder.firm = owner.firm AND folder.parent_clio_id = below.clio_id
    )
    SELECT clio_id FROM below
))"""
"""UNION drops what was found before, so a cycle ends the search."""


async def load_chains(
    pool: Pool, firms: frozenset[int] | None, folders: Sequence[tuple[int, int]]
) -> list[list[Record]]:
    """Return each folder (firm, Clio id) with those above it, the topmost first; empty where it has not arrived.

    One statement. Folders in the trash are there as well. A cycle ends before its first folder comes again.
    """
    parameters = Parameters()
    columns = {
        "firms": parameters.add([firm for firm, _ in folders], "bigint[]"),
        "numbers": parameters.add([number for _, number in folders], "bigint[]"),
        "deepest": parameters.add(DEEPEST, "integer"),
        "allowed": "",
    }
    if firms is not None:
        columns["allowed"] = f" AND folder.firm = ANY ({parameters.add(sorted(firms), 'bigint[]')})"
    found: list[list[Record]] = [[] for _ in folders]
    for row in await fetch(pool, Statement(_CLIMB.format(**columns), parameters.values)):
        found[row["_place"] - 1].append(row)
    return found


def extensions(graph: Graph) -> list[Extension]:
    """Return the fields of the tree, of versions, the figures, and the mutation that gives out files."""
    folder, document = graph.entity("Folder"), graph.entity("Document")
    made: list[Extension] = [
        Connection(
            on="Folder",
            name="all_documents",
            to="Document",
            owned=lambda alias: _BELOW.format(alias=alias),
            description="The documents in this folder and in every folder below it.",
        ),
        ObjectField(on="DocumentVersion", name="is_current", field=_is_current(document)),
        ObjectField(on="Mutation", name="document_download", field=download_field(graph)),
        ObjectField(on="Metrics", name="documents", field=metrics_field()),
    ]
    for on in ("Folder", "Document"):
        made += [
            ObjectField(on=on, name="ancestors", field=_ancestors(folder)),
            ObjectField(on=on, name="path", field=_path()),
        ]
    return made


async def _chain(root: Any, info: Info) -> list[Record]:
    if root.parent_clio_id is None:
        return []
    loader = info.context.readers.loader((load_chains, place_of(info.path)[1:]), load_chains)
    chain: list[Record] = await loader.load((root.firm, root.parent_clio_id))
    return chain


def _ancestors(folder: Entity) -> Any:
    async def ancestors(root: Any, info: Info) -> Any:
        return [folder.make(row) for row in await _chain(root, info)]

    ancestors.__annotations__["return"] = list[folder.type]  # type: ignore[name-defined]  # a class made at run time
    return strawberry.field(
        resolver=ancestors,
        description="The folders it lies in, the root first, as far up as they have arrived.",
    )


def _path() -> Any:
    async def path(root: Any, info: Info) -> str | None:
        chain = await _chain(root, info)
        top = chain[0]["parent_clio_id"] if chain else root.parent_clio_id
        names = [*(row["name"] for row in chain), root.name]
        return "/".join(names) if top is None and None not in names else None

    return strawberry.field(
        resolver=path,
        description="Its name after those of the folders it lies in, with / between; for people, since names may hold "
        "a slash. Null until all of these folders have arrived.",
    )


def _is_current(document: Entity) -> Any:
    async def is_current(root: Any, info: Info) -> bool:
        if root.document_clio_id is None:
            return False
        readers, place = info.context.readers, place_of(info.path)
        found = await document.find(readers, root.firm, root.document_clio_id, place=place)
        return found is not None and bool(found.latest_version_clio_id == root.clio_id)

    return strawberry.field(
        resolver=is_current, description="Whether it is its document's latest; false until the document has arrived."
    )
