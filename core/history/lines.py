"""A change as one line of JSON: what an export holds, and what a seal's digest is made of, byte by byte.

PostgreSQL writes it, alike whatever the session's settings: instants are UTC with microseconds, `after` is the text
that is kept, and the other JSON columns are as jsonb prints them. A null is not an empty text, and no text can pass for
two.
"""

_INSTANTS = ("seen_at", "recorded_at", "clio_updated_at")

_COLUMNS = (
    "firm",
    "committed_in",
    "id",
    "resource",
    "clio_id",
    "operation",
    "source",
    "run",
    "seen_at",
    "recorded_at",
    "clio_updated_at",
    "etag",
    "before",
    "after",
    "evidence",
)
"""In this order for ever: another order, or another column, would be another digest."""

INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""The same instants as Python writes them, given that they are UTC."""


def change_line(alias: str) -> str:
    """Return SQL for the line of a row of `change`, as text."""
    columns = ", ".join(_column(alias, name) for name in _COLUMNS)
    return f"(SELECT row_to_json(line)::text FROM (SELECT 'change'::text AS type, {columns}) AS line)"


def line_digest(alias: str) -> str:
    """Return SQL for SHA-256 of a row's line, in bytes."""
    return f"sha256(convert_to({change_line(alias)}, 'UTF8'))"


def digest_of(digests: str, order: str) -> str:
    """Return SQL for the digest of many rows: SHA-256 over their digests, one after the other. An aggregate."""
    return f"sha256(coalesce(string_agg({digests}, ''::bytea ORDER BY {order}), ''::bytea))"


def _column(alias: str, name: str) -> str:
    column = f'{alias}."{name}"'
    if name in _INSTANTS:
        column = f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    return f'{column} AS "{name}"'
