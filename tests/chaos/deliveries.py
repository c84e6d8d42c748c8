"""Whether every delivery that was acknowledged is in the log once, and settled; and whether nothing else is there."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.stage import Stage

HANDSHAKE = {"confirmed", "unconfirmed"}
EXPLAINED = {"DELIVERY_MALFORMED", "EVENT_UNKNOWN"}
"""Why a delivery may be dead: nothing in it that could be settled."""

Key = tuple[str, str]
"""The end of the address it went to, and the SHA-256 of its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST of Clio's."""

    key: Key
    event: str
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One row of `webhook_delivery`."""

    key: Key
    status: str
    outcome: str | None
    receipts: int
    error_code: str | None
    error_message: str | None
    described: str


async def attempts_of(stage: Stage) -> list[Attempt]:
    """Return every delivery that Clio tried to make."""
    journal = await stage.mock("GET", "journal/deliveries")
    assert journal["count"] == len(journal["data"]), "the mock's journal is too small for this storm"
    return [
        Attempt(
            key=(entry["url"].rpartition("/")[2], entry["digest"]),
            event=entry["event"],
            acknowledged=200 <= (entry["status"] or 0) < 300,
        )
        for entry in journal["data"]
        if entry["url"] is not None and entry["outcome"] not in HANDSHAKE
    ]


async def log_of(stage: Stage) -> list[Logged]:
    """Return every delivery in the log."""
    rows = await stage.database.pool.fetch(
        """SELECT endpoint_key, encode(digest, 'hex') AS digest, status, outcome, receipts,
               delivery.error_code, delivery.error_message,
               concat_ws(' ', delivery.resource, event, record_clio_id, 'attempts', attempts) AS described
           FROM webhook_delivery AS delivery JOIN webhook_endpoint AS endpoint ON endpoint.id = delivery.endpoint"""
    )
    return [
        Logged(
            key=(row["endpoint_key"], row["digest"]),
            **{name: row[name] for name in ("status", "outcome", "receipts", "error_code", "error_message")},
            described=row["described"],
        )
        for row in rows
    ]


def lost(attempts: Iterable[Attempt], logged: Iterable[Logged]) -> list[str]:
    """Return the acknowledged deliveries that are not in the log, or there less often than they were acknowledged."""
    acknowledged = Counter(each.key for each in attempts if each.acknowledged)
    receipts = Counter({each.key: each.receipts for each in logged})
    return [
        f"delivery {digest[:16]} was acknowledged {times} times and has {receipts[key, digest]} receipts"
        for (key, digest), times in acknowledged.items()
        if receipts[key, digest] < times
    ]


def unsettled(logged: Sequence[Logged], *, dead: set[str]) -> list[str]:
    """Return the deliveries that are not settled, are there twice, or are dead letters that should not be.

    `dead` are the digests of those that can be nothing but dead letters.
    """
    twice = [key for key, times in Counter(each.key for each in logged).items() if times > 1]
    found: list[str] = [f"delivery {digest[:16]} is in the log more than once" for _, digest in twice]
    for each in logged:
        reason = f"{each.error_code} {each.error_message}"
        if each.key[1] in dead:
            if each.status != "dead" or each.error_code not in EXPLAINED:
                found.append(f"nonsense is {each.status} ({reason}): {each.described}")
        elif each.status == "processed":
            if each.outcome is None:
                found.append(f"processed without an outcome: {each.described}")
        else:
            found.append(f"left {each.status} ({reason}): {each.described}")
    return found


def never_sent(attempts: Iterable[Attempt], logged: Iterable[Logged]) -> list[str]:
    """Return the deliveries in the log that Clio never sent."""
    sent = {each.key for each in attempts}
    return [f"in the log and never sent: {each.described}" for each in logged if each.key not in sent]


async def rate_limited(stage: Stage, *, after: int = 0) -> list[str]:
    """Return the requests that Clio answered 429, after one by its number in the journal."""
    journal: dict[str, Any] = await stage.mock("GET", f"journal/requests?after={after}")
    return [f"429 to {entry['method']} {entry['path']}" for entry in journal["data"] if entry["status"] == 429]
