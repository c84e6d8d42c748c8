"""The chain that history is sealed in, and legal holds."""

import datetime
from typing import Any

import strawberry

from core.db import history_tables
from schema.entities import Entity
from schema.fields import rows_field
from schema.read.listing import Listing, table_listing
from schema.read.sources import READ, Expression, Rows
from schema.types.mirrored import Node

HIDDEN_COLUMNS = ("digest", "previous", "mac", "key_id", "until_committed_in", "until_id", "recorded_until_at")
"""What only a verifier needs: `clio-service history export` has it."""


def _hash(root: Any) -> str:
    text: str = root.hash.hex()
    return text


@strawberry.type(description="A link of a firm's chain of history. Note one elsewhere: verify checks it with --expect.")
class HistorySeal:
    """Fields are named as the columns of `core.db.history_tables.HistorySeal`."""

    number: int = strawberry.field(description="From 1, without a gap, within the firm.")
    kind: str = strawberry.field(description="changes, purge, hold or release.")
    changes: int = strawberry.field(description="How many changes it seals; of a purge, how many are gone.")
    sealed_at: datetime.datetime = strawberry.field(description="When it was added.")
    hash: str = strawberry.field(
        resolver=_hash,
        description="SHA-256 in hexadecimal, which depends on every link before it.",
        metadata={READ: Expression(lambda alias: f"encode({alias}.hash, 'hex')")},
    )


HISTORY_SEALS = table_listing("HistorySeal", history_tables.HistorySeal, leave_out=HIDDEN_COLUMNS)

_SEAL = Entity(HISTORY_SEALS, HistorySeal)


def history_head_field(firms: Listing) -> Any:
    """Return the field of a firm that is the end of its chain. One probe of an index for each firm."""
    return rows_field(
        firms,
        HistorySeal | None,
        Rows(
            _SEAL,
            lambda alias, _given, _parameters: (
                f"SELECT seal.*, 1 AS _place FROM history_seal AS seal WHERE seal.firm = {alias}.id"
                " ORDER BY seal.number DESC LIMIT 1"
            ),
            many=False,
        ),
        description="The last link of the chain that its history is sealed in; null before the first.",
    )


@strawberry.type(description="An order that nothing of a firm's history and raw deliveries is purged.")
class LegalHold(Node):
    """Fields are named as the columns of `core.db.history_tables.LegalHold`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    reason: str = strawberry.field(description="Why it was placed.")
    placed_by: str = strawberry.field(description="Who placed it: the subject of a token, or what a command was told.")
    placed_at: datetime.datetime = strawberry.field(description="When it was placed.")
    released_by: str | None = strawberry.field(description="Who released it; null while it is open.")
    released_at: datetime.datetime | None = strawberry.field(description="When it was released; null while it is open.")
    release_reason: str | None = strawberry.field(description="Why it was released; null while it is open.")


LEGAL_HOLDS = table_listing("LegalHold", history_tables.LegalHold)
