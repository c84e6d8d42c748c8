"""Whether what changes at Clio is told by webhook: found out from what came, and from what only polling brought.

A subscription may be refused, and it may be enabled while nothing is ever sent. The second shows when a poll brings a
change that had long been made, and no delivery came in between.
"""

from typing import Literal, TypeAlias

Coverage: TypeAlias = Literal["delivering", "unproven", "silent", "polling"]

TOLERANCE_S = 120
"""What a delivery may take, and how far Clio's clock may be from ours, before a change counts as not told."""

_DELIVERED_AT = (
    "(SELECT max(delivery.received_at) FROM webhook_delivery AS delivery WHERE delivery.endpoint = {alias}.id)"
)

_CHANGED_AT = "(polled.after ->> 'clio_updated_at')::timestamptz"


def coverage_sql(alias: str) -> str:
    """Return an expression in SQL for the `Coverage` of a row of `webhook_endpoint`; null for a retired one.

    - `polling`: Clio refused the subscription, suspended it, or has not enabled it yet;
    - `silent`: it is enabled, and a poll brought a change made at Clio since then, and since the last delivery, that
      no delivery had told of two minutes later;
    - `unproven`: it is enabled, nothing was delivered and nothing missed;
    - `delivering`: every other enabled one.

    Cost: two index probes, and a look at what polls brought since the last delivery.
    """
    delivered_at = _DELIVERED_AT.format(alias=alias)
    tolerance = f"interval '{TOLERANCE_S} seconds'"
    return f"""CASE
    WHEN {alias}.state = 'retired' THEN NULL
    WHEN {alias}.state <> 'enabled' THEN 'polling'
    WHEN EXISTS (
        SELECT FROM (SELECT greatest({alias}.enabled_at, {delivered_at}) AS at) AS told
        JOIN change AS polled ON polled.firm = {alias}.firm AND polled.resource = {alias}.resource
            AND polled.source = 'incremental' AND polled.seen_at > told.at
        WHERE {_CHANGED_AT} > told.at + {tolerance} AND {_CHANGED_AT} < polled.seen_at - {tolerance}
    ) THEN 'silent'
    WHEN {delivered_at} IS NULL THEN 'unproven'
    ELSE 'delivering' END"""
