"""What a reconciliation report says of the mirror: one word, by the row in Python and by its alias in SQL."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["running", "unfinished", "held", "whole", "moved", "differs"]


def verdict_of(report: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a row of `core.db.tables.ReconciliationReport`."""
    if report["finished_at"] is None:
        return "running"
    if report["root"] is None:
        return "unfinished"
    if report["held"]:
        return "held"
    if report["root"] == report["clio_root"]:
        return "whole"
    return "differs" if report["unexplained"] else "moved"


def verdict_sql(alias: str) -> str:
    """Return the same in SQL, for the row of an alias."""
    return f"""CASE WHEN {alias}.finished_at IS NULL THEN 'running' WHEN {alias}.root IS NULL THEN 'unfinished'
    WHEN {alias}.held > 0 THEN 'held' WHEN {alias}.root = {alias}.clio_root THEN 'whole'
    WHEN {alias}.unexplained > 0 THEN 'differs' ELSE 'moved' END"""
