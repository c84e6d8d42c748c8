"""How far back the history reaches: before a firm's `history_from_at` it was purged, and nothing can be restored."""

from collections.abc import Mapping
from typing import Any

from core.auth.principal import Principal
from schema.global_ids import read_firm, read_global_id
from schema.read.parameters import Parameters, firms_condition


def firms_asked(given: Mapping[str, Any], principal: Principal) -> frozenset[int] | None:
    """Return the caller's firms of which a root field, and so all that is below it, reads; None is every firm.

    Raises:
        BadInput: an id is not a global id.
        Forbidden: the argument `firm` names a firm that is not the caller's.
    """
    ids = given.get("ids") or ([given["id"]] if given.get("id") else None)
    if ids is None:
        return principal.allowed_firms(read_firm(given.get("firm")))
    named = frozenset(read_global_id(str(each)).firm for each in ids)
    return named if principal.firms is None else named & principal.firms


def purged_sql(firms: frozenset[int] | None, instant: str, parameters: Parameters) -> str:
    """Return the condition that the history of one of the firms begins after an instant, which is SQL."""
    within = firms_condition("f.id", firms, parameters)
    return f"EXISTS (SELECT FROM firm AS f WHERE {within} AND f.history_from_at > {instant})"


def earliest_sql(firms: frozenset[int] | None, parameters: Parameters) -> str:
    """Return the SELECT of the instant from which on all of the firms have their history; null is from the start."""
    return f"SELECT max(f.history_from_at) AS at FROM firm AS f WHERE {firms_condition('f.id', firms, parameters)}"
