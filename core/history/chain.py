"""The chain of a firm: links that each hold the hash of the one before, and a code that only the service can make.

A link seals changes, or tells of a purge, a legal hold or its release. Its hash is SHA-256 of the link as one line of
JSON without `hash`, `key_id` and `mac`; its code is HMAC-SHA-256 of the hash. So a link vouches for all before it.
"""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from core.db.types import Connection
from core.history.keys import SealKeys
from core.history.lines import INSTANT_FORMAT

Position: TypeAlias = tuple[int, int]
"""Transaction and number of a change, by which the feed is ordered."""

Kind: TypeAlias = Literal["changes", "purge", "hold", "release"]

START: Position = (0, 0)
"""Before every change."""

NOTHING_BEFORE = bytes(32)
"""What the first link has in place of the hash of the one before."""


@dataclass(frozen=True, kw_only=True)
class Purge:
    """What a purge took away: links up to a number, and changes up to a position. Both are cumulative."""

    through: int
    until: Position


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link. `until`: all changes of the firm up to there are in the chain. `digest` is of a link of changes alone.

    `recorded_until_at` is the latest `recorded_at` of the sealed changes; `changes` how many were sealed, or purged.
    """

    firm: int
    number: int
    kind: Kind
    until: Position
    changes: int
    recorded_until_at: datetime.datetime | None
    digest: bytes | None
    purge: Purge | None
    reason: str | None
    sealed_at: datetime.datetime
    previous: bytes

    def fields(self) -> dict[str, Any]:
        """Return the link as JSON tells it, in the order in which it is hashed."""
        return {
            "type": "seal",
            "firm": self.firm,
            "number": self.number,
            "kind": self.kind,
            "until_committed_in": self.until[0],
            "until_id": self.until[1],
            "changes": self.changes,
            "recorded_until_at": instant_text(self.recorded_until_at),
            "digest": None if self.digest is None else self.digest.hex(),
            "purged_through": None if self.purge is None else self.purge.through,
            "purged_committed_in": None if self.purge is None else self.purge.until[0],
            "purged_id": None if self.purge is None else self.purge.until[1],
            "reason": self.reason,
            "sealed_at": instant_text(self.sealed_at),
            "previous": self.previous.hex(),
        }

    @property
    def computed_hash(self) -> bytes:
        """What the hash of the link has to be."""
        return hashlib.sha256(dump(self.fields()).encode()).digest()


@dataclass(frozen=True)
class Seal:
    """A link as it is stored: with its hash, and the code of it."""

    link: Link
    hash: bytes
    key_id: str
    mac: bytes

    @classmethod
    def made(cls, link: Link, keys: SealKeys) -> "Seal":
        """Return a link with its hash and code."""
        return cls(link, link.computed_hash, keys.active_key_id, keys.code(link.computed_hash))

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Seal":
        """Return the seal of a row of `history_seal`."""
        purge = None
        if row["purged_through"] is not None:
            purge = Purge(through=row["purged_through"], until=(row["purged_committed_in"], row["purged_id"]))
        named = {field.name: row[field.name] for field in dataclasses.fields(Link) if field.name in row}
        link = Link(**named, until=(row["until_committed_in"], row["until_id"]), purge=purge)
        return cls(link, row["hash"], row["key_id"], row["mac"])

    @classmethod
    def parsed(cls, fields: Mapping[str, Any]) -> "Seal":
        """Return the seal of a line of an export.

        Raises:
            KeyError, TypeError, ValueError: the line is not one that was exported.
        """
        binary = {name: bytes.fromhex(fields[name]) for name in ("previous", "hash", "mac")}
        digest = None if fields["digest"] is None else bytes.fromhex(fields["digest"])
        instants = {name: _instant(fields[name]) for name in ("recorded_until_at", "sealed_at")}
        return cls.read({**fields, **binary, **instants, "digest": digest})

    @property
    def line(self) -> str:
        """The seal as a line of an export."""
        return dump({**self.link.fields(), "hash": self.hash.hex(), "key_id": self.key_id, "mac": self.mac.hex()})

    def row(self) -> tuple[Any, ...]:
        """Return the values of COLUMNS."""
        link, purge = self.link, self.link.purge
        gone = (None, None, None) if purge is None else (purge.through, *purge.until)
        head = (link.firm, link.number, link.kind, *link.until, link.changes, link.recorded_until_at, link.digest)
        return (*head, *gone, link.reason, link.sealed_at, link.previous, self.hash, self.key_id, self.mac)


COLUMNS = (
    *("firm", "number", "kind", "until_committed_in", "until_id", "changes", "recorded_until_at", "digest"),
    *("purged_through", "purged_committed_in", "purged_id", "reason", "sealed_at", "previous", "hash", "key_id", "mac"),
)


@dataclass(frozen=True)
class Head:
    """The end of a firm's chain: what the next link follows."""

    number: int = 0
    hash: bytes = NOTHING_BEFORE
    until: Position = START


async def lock(connection: Connection) -> datetime.datetime:
    """Let nobody else add to a chain, hold or purge until the transaction ends; return the time of the database."""
    at: datetime.datetime = await connection.fetchval(
        "SELECT clock_timestamp() FROM history_progress WHERE id = (SELECT min(id) FROM history_progress) FOR UPDATE"
    )
    return at


async def read_by_index(connection: Connection) -> None:
    """Let this transaction find changes by indexes alone, whatever is known of a partition that has just begun."""
    await connection.execute(
        "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
    )


async def head_of(connection: Connection, firm: int) -> Head:
    """Return the end of a firm's chain; of an empty one, where it will begin."""
    row = await connection.fetchrow(
        """SELECT number, hash, until_committed_in, until_id FROM history_seal
        WHERE firm = $1 ORDER BY number DESC LIMIT 1""",
        firm,
    )
    return Head() if row is None else Head(row["number"], row["hash"], (row["until_committed_in"], row["until_id"]))


async def append(
    connection: Connection,
    keys: SealKeys,
    firm: int,
    kind: Kind,
    *,
    at: datetime.datetime,
    reason: str,
    changes: int = 0,
    purge: Purge | None = None,
) -> None:
    """Add a link that seals no changes, in a transaction that holds the lock; `at` is what `lock` returned."""
    head = await head_of(connection, firm)
    link = Link(
        firm=firm,
        number=head.number + 1,
        kind=kind,
        until=head.until,
        changes=changes,
        recorded_until_at=None,
        digest=None,
        purge=purge,
        reason=reason,
        sealed_at=at,
        previous=head.hash,
    )
    await store(connection, [Seal.made(link, keys)])


async def store(connection: Connection, seals: Sequence[Seal]) -> None:
    """Write seals, in one COPY."""
    await connection.copy_records_to_table("history_seal", columns=COLUMNS, records=[seal.row() for seal in seals])


def dump(fields: Mapping[str, Any]) -> str:
    """Return a line of JSON, in the order of the fields, without spaces."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def instant_text(instant: datetime.datetime | None) -> str | None:
    """Return an instant as links and exports tell it: UTC, with microseconds; None where there is none."""
    return None if instant is None else instant.astimezone(datetime.UTC).strftime(INSTANT_FORMAT)


def _instant(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    return datetime.datetime.strptime(text, INSTANT_FORMAT).replace(tzinfo=datetime.UTC)
