"""What documents add to GraphQL beyond their types: where a record lies in the tree of folders, and what is below."""

from collections.abc import Mapping
from typing import Any

from plugins.documents.download import download_field
from plugins.documents.metrics import metrics_field
from schema.entities import Entity
from schema.extensions import Connection, Extension, Graph, ObjectField, by_key
from schema.fields import computed_field, rows_field
from schema.read.parameters import Parameters
from schema.read.sources import Expression, Rows

DEEPEST = 100
"""Folders above a record that are looked up; more are not shown, and the path is then null."""

_CLIMB = f"""
WITH RECURSIVE climbed AS (
    SELECT folder.clio_id, folder.firm, folder.name, folder.parent_clio_id, 1 AS depth, ARRAY[folder.clio_id] AS visited
    FROM {by_key("documents_folder")} AS folder
    WHERE folder.firm = {{alias}}.firm AND folder.clio_id = {{alias}}.parent_clio_id
    UNION ALL
    SELECT folder.clio_id, folder.firm, folder.name, folder.parent_clio_id, climbed.depth + 1,
           climbed.visited || folder.clio_id
    FROM climbed JOIN {by_key("documents_folder")} AS folder
    ON folder.firm = climbed.firm AND folder.clio_id = climbed.parent_clio_id
    WHERE climbed.depth < {{deepest}} AND folder.clio_id <> ALL (climbed.visited)
)"""
"""The folders above a row, the nearest first; those in the trash as well. A cycle ends before it comes round."""

_BELOW = """{alias}.parent_clio_id = ANY (ARRAY(
    WITH RECURSIVE below AS (
        SELECT {number} AS clio_id
        UNION
        SELECT folder.clio_id FROM below
        JOIN documents_folder AS folder ON folder.firm = {firm} AND folder.parent_clio_id = below.clio_id
    )
    SELECT clio_id FROM below
))"""
"""UNION drops what was found before, so a cycle ends the search."""


def _ancestors_sql(alias: str, _given: Mapping[str, Any], _parameters: Parameters) -> str:
    return (
        f"{_CLIMB.format(alias=alias, deepest=DEEPEST)} SELECT t.*, -climbed.depth AS _place"
        f" FROM climbed JOIN {by_key('documents_folder')} AS t ON t.firm = climbed.firm AND t.clio_id = climbed.clio_id"
    )


def _path_sql(alias: str) -> str:
    climb = _CLIMB.format(alias=alias, deepest=DEEPEST)
    return (
        f"CASE WHEN {alias}.parent_clio_id IS NULL THEN {alias}.name ELSE ({climb} SELECT CASE"
        " WHEN bool_and(name IS NOT NULL) AND (array_agg(parent_clio_id ORDER BY depth DESC))[1] IS NULL"
        f" THEN string_agg(name, '/' ORDER BY depth DESC) || '/' || {alias}.name END FROM climbed) END"
    )


def _is_current_sql(alias: str) -> str:
    return (
        f"EXISTS (SELECT FROM {by_key('documents_document')} AS d WHERE d.firm = {alias}.firm"
        f" AND d.clio_id = {alias}.document_clio_id AND d.latest_version_clio_id = {alias}.clio_id)"
    )


def extensions(graph: Graph) -> list[Extension]:
    """Return the fields of the tree, of versions, the figures, and the mutation that gives out files."""
    folder, version = graph.entity("Folder"), graph.entity("DocumentVersion")
    made: list[Extension] = [
        Connection(
            on="Folder",
            name="all_documents",
            to="Document",
            owned=lambda alias, firm, number: _BELOW.format(alias=alias, firm=firm, number=number),
            description="The documents in this folder and in every folder below it.",
        ),
        ObjectField(on="DocumentVersion", name="is_current", field=_is_current(version)),
        ObjectField(on="Mutation", name="document_download", field=download_field(graph)),
        ObjectField(on="Metrics", name="documents", field=metrics_field()),
    ]
    for on in ("Folder", "Document"):
        made += [
            ObjectField(on=on, name="ancestors", field=_ancestors(graph.entity(on), folder)),
            ObjectField(on=on, name="path", field=_path(graph.entity(on))),
        ]
    return made


def _is_current(version: Entity) -> Any:
    return computed_field(
        version.listing,
        bool,
        Expression(_is_current_sql),
        description="Whether it is its document's latest; false until the document has arrived.",
    )


def _ancestors(near: Entity, folder: Entity) -> Any:
    return rows_field(
        near.listing,
        list[folder.type],  # type: ignore[name-defined]  # a class made at run time
        Rows(folder, _ancestors_sql, many=True),
        description="The folders it lies in, the root first, as far up as they have arrived.",
    )


def _path(near: Entity) -> Any:
    return computed_field(
        near.listing,
        str | None,
        Expression(_path_sql),
        description="Its name after those of the folders it lies in, with / between; for people, since names may hold "
        "a slash. Null until all of these folders have arrived.",
    )
