"""Changes of mirrored records: what was so before and after, when, and by which way we heard of it."""

import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from core.db import history_tables
from core.history.chain import Position
from core.history.horizon import HistoryPurged, reaches_sql
from schema.connections import connection_type
from schema.entities import Entity
from schema.fields import to_one_field
from schema.read.cursors import cursor_sql, cursor_text
from schema.read.listing import table_listing
from schema.read.order import read_order
from schema.read.sources import READ, Expression
from schema.types.mirrored import Node
from schema.types.sync_runs import SYNC_RUNS, SyncRun

SETTLED = "(SELECT * FROM change WHERE committed_in < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
"""The changes whose order can no longer be added to: every transaction before and between them has ended."""

FEED_NAME = "changes"
"""What the cursors of the feed are cursors of, in the query and in the subscription."""

FEED = table_listing("Change", history_tables.Change, of=SETTLED, ties=("committed_in", "id"), reaches=reaches_sql)
"""All changes in commit order."""

HISTORY = table_listing("Change", history_tables.Change, newest_first=True)
"""The changes of one record, newest first; those of transactions just committed included."""

FEED_ORDER = read_order(FEED, ())


def history_purged(until: Position) -> HistoryPurged:
    """Return the error of who wants to read on after a position behind which changes were purged."""
    cursor = cursor_text(FEED_NAME, FEED_ORDER, until)
    return HistoryPurged(
        f"changes that follow the cursor were purged: read what they were about again, and go on after {cursor}"
    )


def _fields_sql(alias: str) -> str:
    told = f"coalesce({alias}.after, {alias}.before::json, '{{}}'::json)"
    return f'ARRAY(SELECT field FROM json_object_keys({told}) AS field ORDER BY field COLLATE "C")'


def _fields(root: Any) -> list[str]:
    return sorted(root.after or root.before or {})


def feed_cursor_sql(alias: str) -> str:
    """Return SQL for the cursor of a row of the table of changes."""
    return cursor_sql(FEED_NAME, FEED_ORDER, alias)


def _cursor(root: Any) -> str:
    return cursor_text(FEED_NAME, FEED_ORDER, (root.committed_in, root.id))


@strawberry.type(description="One change of one mirrored record, as it was written to the mirror.")
class Change(Node):
    """Fields are named as the columns of `core.db.history_tables.Change`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    clio_id: strawberry.ID = strawberry.field(description="Clio's id of the record.")
    operation: str = strawberry.field(description="created, updated, deleted, hidden, unknown or restored.")
    seen_at: datetime.datetime = strawberry.field(description="When the request or delivery that told of it began.")
    recorded_at: datetime.datetime = strawberry.field(description="When the transaction that wrote it began.")
    clio_updated_at: datetime.datetime | None = strawberry.field(
        description="When Clio last changed the record, as known at this change; whole seconds."
    )
    source: str = strawberry.field(description="backfill, incremental, reconcile or webhook.")
    sync_run: SyncRun | None = to_one_field(
        Entity(SYNC_RUNS, SyncRun),
        "run",
        description="The run whose page told of it; null where no page did, and where that poll is no longer kept.",
    )
    etag: str | None = strawberry.field(description="Clio's etag of the record after it.")
    before: JSON | None = strawberry.field(
        description="The columns that differ, as they were; null for a created record."
    )
    after: JSON | None = strawberry.field(
        description="The columns that differ, as they became; every one that holds something for a created record."
    )
    evidence: JSON | None = strawberry.field(
        description="What a change of `presence` rests on: who was asked or told, and what was answered; null for every"
        " other change."
    )
    changed_fields: list[str] = strawberry.field(
        resolver=_fields,
        description="Names of the columns in `after`, in order of the alphabet.",
        metadata={READ: Expression(_fields_sql)},
    )
    cursor: str = strawberry.field(
        resolver=_cursor,
        description="Where it stands in the feed: `changes` goes on after it.",
        metadata={READ: Expression(feed_cursor_sql)},
    )


CHANGE = Entity(FEED, Change)
CHANGE_HISTORY = Entity(HISTORY, Change)
CHANGE_CONNECTION = connection_type(CHANGE)
