"""Whether what changes at Clio is told by webhook, in one word for each endpoint.

A subscription may be refused, and it may be enabled while nothing is ever sent. The second is found out by the canary
(`core.coverage.canary`), which leaves its finding in the row. When a resource was covered is in the ledger.
"""

from typing import Literal, TypeAlias

TOLERANCE_S = 120
"""What a delivery may take, in seconds, before a change counts as not told."""

Coverage: TypeAlias = Literal["delivering", "unproven", "silent", "polling"]


def coverage_sql(alias: str) -> str:
    """Return an expression in SQL for the `Coverage` of a row of `webhook_endpoint`; null for a replaced one.

    - `polling`: Clio refused the subscription, suspended it, or has not enabled it yet;
    - `silent`: it is enabled, a poll brought a change that it had not told of, and no delivery came since;
    - `unproven`: it is enabled, nothing was delivered and nothing missed;
    - `delivering`: every other enabled one.

    Cost: an index probe.
    """
    heard = f"FROM webhook_delivery AS heard WHERE heard.endpoint = {alias}.id"
    return f"""CASE
    WHEN {alias}.state IN ('retiring', 'retired') THEN NULL
    WHEN {alias}.state <> 'enabled' THEN 'polling'
    WHEN {alias}.silent_at IS NOT NULL AND NOT EXISTS (SELECT {heard} AND heard.received_at > {alias}.silent_at)
        THEN 'silent'
    WHEN NOT EXISTS (SELECT {heard}) THEN 'unproven'
    ELSE 'delivering' END"""
