"""Whether the change log tells how every row of the mirror came to be what it is: one change after the other."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.registry import Registry
from tests.chaos.stage import Stage

NOT_TOLD = {"id", "firm", "clio_id", "seen_at"}
"""Columns of the mirror's own, of which a change says nothing."""


async def broken_histories(stage: Stage, registry: Registry) -> list[str]:
    """Return the records whose changes do not lead, one from the other, to the row as it is."""
    found: list[str] = []
    for resource in registry.resources:
        rows = await stage.database.pool.fetch(
            f'SELECT clio_id, to_jsonb(stored) AS image FROM "{resource.table_name}" AS stored'
        )
        changes: Mapping[int, list[Any]] = defaultdict(list)
        for change in await stage.database.pool.fetch(
            "SELECT clio_id, operation, etag, before, after FROM change WHERE resource = $1 ORDER BY id", resource.name
        ):
            changes[change["clio_id"]].append(change)
        images = {row["clio_id"]: row["image"] for row in rows}
        found += [
            f"{resource.name} {clio_id}: {problem}"
            for clio_id in sorted(images.keys() | changes.keys())
            for problem in broken(images.get(clio_id), changes[clio_id])
        ]
    return found


def broken(image: Mapping[str, Any] | None, changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with one record's changes, given its row as JSON; None where there is no row."""
    state: dict[str, Any] | None = None
    found: list[str] = []
    etag = None
    for number, change in enumerate(changes):
        if (change["operation"] == "created") != (state is None):
            found.append(f"change {number} is {change['operation']}")
        state = {} if state is None else state
        for name, value in (change["before"] or {}).items():
            if _told(name, state) and _bare(value) != state.get(name):
                found.append(f"change {number} found {name} {value!r} where the one before left {state.get(name)!r}")
        state |= {name: _bare(value) for name, value in (change["after"] or {}).items()}
        etag = change["etag"]
    if state is None or image is None:
        return [*found, f"{'no change' if state is None else 'no row'} of it"]
    if etag != image["etag"]:
        found.append(f"the last change has etag {etag}, the row {image['etag']}")
    return found + [
        f"the changes end with {name} {state.get(name)!r}, the row has {value!r}"[:300]
        for name, value in image.items()
        if name not in NOT_TOLD and _told(name, state) and _bare(value) != state.get(name)
    ]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A change that says that a record was deleted."""

    path: str
    clio_id: int
    seen_at: datetime.datetime


async def deletions_told(stage: Stage, registry: Registry) -> list[Deletion]:
    """Return every change to `deleted` of what Clio lists."""
    paths = {resource.name: resource.endpoint.path for resource in registry.resources if resource.has_list}
    rows = await stage.database.pool.fetch(
        "SELECT resource, clio_id, seen_at FROM change WHERE operation = 'deleted' AND resource = ANY ($1::text[])",
        list(paths),
    )
    return [Deletion(paths[row["resource"]], row["clio_id"], row["seen_at"]) for row in rows]


def untrue(
    told: Iterable[Deletion],
    gone_at: Mapping[tuple[str, int], datetime.datetime],
    there: Collection[tuple[str, int]],
) -> list[str]:
    """Return the deletions that were told of a record while Clio had it, shown or hidden.

    `gone_at` says when records were first deleted, and `there` what was never deleted; what is in neither went with
    something else.
    """
    return [
        f"{each.path} {each.clio_id} was reported deleted at {each.seen_at:%H:%M:%S.%f}, while Clio had it"
        for each in told
        if (each.path, each.clio_id) in there or each.seen_at < gone_at.get((each.path, each.clio_id), each.seen_at)
    ]


def _told(name: str, state: Mapping[str, Any]) -> bool:
    """Presence is told of when it changes; that of a new record follows from the record."""
    return name != "presence" or name in state


def _bare(value: Any) -> Any:
    """Leave nulls out of objects, as the log does for a new record."""
    match value:
        case dict():
            return {name: _bare(item) for name, item in value.items() if item is not None}
        case list():
            return [_bare(item) for item in value]
        case _:
            return value
