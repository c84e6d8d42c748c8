"""How often a resource of a firm is polled: its usual interval, times a pace that moves with what polls find.

A poll that found what no webhook had told makes the pace quicker, one that found nothing slower. The pace is kept in
`sync_cursor` and moved by the statement that ends a run; `core.sync.schedule` makes a time of it.
"""

from core.webhooks.coverage import TOLERANCE_S, coverage_sql

QUICKEST, SLOWEST = 0.5, 4.0
"""The bounds of the pace: a busy resource is polled twice as often as declared, an idle one a quarter as often."""

SHRINK, GROW = 0.5, 1.5
"""A poll that found something halves the pace, to 1 at the most; one that found nothing lets it grow by half."""

FAILED = 10.0
"""The pace after a run that failed or ended short."""

POLL_JITTER, COMPARE_JITTER = 0.15, 0.25
"""The part by which an interval may be shorter, by chance; never longer, so that what is declared holds."""


def told_sql(firm: str, resource: str) -> str:
    """Return an expression in SQL for the best coverage that webhooks give a resource of a firm; null without one.

    OFFSET 0 keeps PostgreSQL from writing the expression out at each use of its value.
    """
    return f"""(SELECT coverage FROM (
        SELECT {coverage_sql("endpoint")} AS coverage FROM webhook_endpoint AS endpoint
        WHERE endpoint.firm = {firm} AND endpoint.resource = {resource} AND endpoint.state = 'enabled' OFFSET 0
    ) AS live ORDER BY coverage = 'delivering' DESC, coverage = 'unproven' DESC LIMIT 1)"""


def jittered_sql(interval_s: str, *, seed: str, jitter: float) -> str:
    """Return an interval in SQL of so many seconds, less up to a part of it that follows from the seed, a bigint."""
    part = f"(hashint8extended({seed}, 0) & 1023) / 1023.0"
    return f"make_interval(secs => ({interval_s}) * (1 - {jitter} * {part}))"


def next_pace_sql(pace: str) -> str:
    """Return the pace in SQL after the run `finished`, from the one before it, which may be null.

    Where webhooks deliver, only what they should have told by then counts as found. `$3` is how far Clio's clock is
    ahead; `finished.written` counts the records that the run wrote.
    """
    return f"""CASE
        WHEN finished.kind = 'backfill' THEN 1
        WHEN {_FOUND} THEN greatest({QUICKEST}, least(1, {SHRINK} * coalesce({pace}, 1)))
        ELSE least({SLOWEST}, {GROW} * coalesce({pace}, 1)) END"""


_FOUND = f"""CASE WHEN finished.written = 0 THEN false
        WHEN {told_sql("finished.firm", "finished.resource")} IS DISTINCT FROM 'delivering' THEN true
        ELSE EXISTS (
            SELECT FROM change AS polled
            WHERE polled.firm = finished.firm AND polled.resource = finished.resource
              AND polled.source = 'incremental' AND polled.seen_at >= finished.high_water_at
              AND polled.after::jsonb - '{{etag,clio_updated_at}}'::text[] <> '{{}}'
              AND polled.clio_updated_at < polled.seen_at + $3::interval - interval '{TOLERANCE_S} seconds'
        ) END"""
