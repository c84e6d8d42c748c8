"""Whether the mirror is what Clio has: every record, every kept field, presence included."""

from collections.abc import Collection, Mapping
from typing import Any

import asyncpg

from core.mirror.writer import validate_records
from core.registry import Registry
from core.resource import Resource, ToMany, ToOne
from core.testing.comparing import unlike
from core.testing.driving import CLIENT_ID
from tests.chaos.stage import Stage

Records = Mapping[int, dict[str, Any]]
Rows = Mapping[int, asyncpg.Record]


async def told_since(stage: Stage, change: int) -> set[tuple[str, int]]:
    """Return resource and id of the records that a delivery changed after a change by its number."""
    rows = await stage.database.pool.fetch(
        "SELECT DISTINCT resource, clio_id FROM change WHERE id > $1 AND source = 'webhook'", change
    )
    return {(row["resource"], row["clio_id"]) for row in rows}


async def unlike_clio(
    stage: Stage,
    registry: Registry,
    *,
    hidden: Collection[tuple[str, int]],
    told_late: Collection[tuple[str, int]] = (),
) -> list[str]:
    """Return where the mirror and Clio differ, record by record.

    `hidden` are collection and id of the records that nobody shows the service any more. Of what a delivery told late
    it may believe that it is there: that it is gone, or hidden, was nobody's to tell.
    """
    at_clio = {
        resource.type_name: await _records(stage, resource) for resource in registry.resources if resource.has_list
    }
    found: list[str] = []
    for resource in registry.resources:
        rows = await _rows(stage, resource)
        if resource.has_list:
            late = {clio_id for name, clio_id in told_late if name == resource.name}
            unseen = {clio_id for path, clio_id in hidden if path == resource.endpoint.path}
            found += _compare(resource, at_clio, rows, unseen, late)
        else:
            found += await _compare_below(stage, resource, at_clio, rows, hidden)
    return found


def _compare(
    resource: Resource, at_clio: Mapping[str, Records], rows: Rows, unseen: Collection[int], late: Collection[int]
) -> list[str]:
    wanted = at_clio[resource.type_name]
    found = []
    for clio_id in sorted(wanted.keys() | rows.keys()):
        row = rows.get(clio_id)
        if clio_id in unseen:
            trashed = clio_id in wanted and wanted[clio_id].get(resource.trash_column or "") is not None
            absent = {"hidden", "deleted"} if trashed else {"hidden"}
            if row is not None and row["presence"] not in absent and clio_id not in late:
                found.append(f"{resource.name} {clio_id} is hidden at Clio and {row['presence']} in the mirror")
        elif row is None:
            found.append(f"{resource.name} {clio_id} is at Clio and not in the mirror")
        elif clio_id in wanted:
            found += _of_record(resource, wanted[clio_id], row, at_clio)
        elif row["presence"] != "deleted" and clio_id not in late:
            found.append(f"{resource.name} {clio_id} is gone at Clio and {row['presence']} in the mirror")
    return found


def _of_record(
    resource: Resource, record: dict[str, Any], row: asyncpg.Record, at_clio: Mapping[str, Records]
) -> list[str]:
    [payload] = validate_records(resource, [record])
    return [
        f"{resource.name} {row['clio_id']}: {name} is {held!r} where Clio has {expected!r}"[:400]
        for name, (held, expected) in unlike(resource, payload, row).items()
        if not _leads_nowhere(resource, name, held, expected, at_clio)
    ]


def _leads_nowhere(resource: Resource, column: str, held: Any, expected: Any, at_clio: Mapping[str, Records]) -> bool:
    """Whether all that differs is references to records that are gone.

    Clio takes those off without touching the record that held them, so no sync can see it; the mirror keeps them, and
    the edge leads to a record that it holds as deleted.
    """
    for edge in resource.edges:
        if edge.column == column and edge.to in at_clio:
            if isinstance(edge, ToOne):
                return expected is None and held not in at_clio[edge.to]
            return _without_gone(edge, held, at_clio) == _without_gone(edge, expected, at_clio)
    return False


def _without_gone(edge: ToMany, ids: list[int] | None, at_clio: Mapping[str, Records]) -> list[int]:
    return [each for each in ids or [] if each in at_clio[edge.to]]


async def _compare_below(
    stage: Stage,
    resource: Resource,
    at_clio: Mapping[str, Records],
    rows: Rows,
    hidden: Collection[tuple[str, int]],
) -> list[str]:
    """Compare what Clio lists below each parent that it shows and that is not in its trash; others have no list."""
    parents = resource.endpoint.parents
    assert parents is not None
    token = (await stage.mock("POST", "tokens", {"client_id": CLIENT_ID}))["access_token"]
    mock_url = str(stage.control.base_url).partition("/__mock__")[0]
    found: list[str] = []
    for parent, record in at_clio[parents.resource.type_name].items():
        if record.get("deleted_at") or (parents.resource.endpoint.path, parent) in hidden:
            continue
        answer = await stage.http.get(
            f"{mock_url}/api/v4/{resource.endpoint.path.format(parent=parent)}.json",
            params={"fields": resource.endpoint.fields},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.is_success, answer.text
        for each in answer.json()["data"]:
            row = rows.get(each["id"])
            if row is None:
                found.append(f"{resource.name} {each['id']} of {parent} is at Clio and not in the mirror")
            else:
                found += _of_record(resource, each, row, at_clio)
    return found


async def _records(stage: Stage, resource: Resource) -> Records:
    path = f"records/{resource.endpoint.path}?fields={resource.endpoint.fields}"
    return {record["id"]: record for record in (await stage.mock("GET", path))["data"]}


async def _rows(stage: Stage, resource: Resource) -> Rows:
    rows = await stage.database.pool.fetch(f'SELECT * FROM "{resource.table_name}"')
    return {row["clio_id"]: row for row in rows}
