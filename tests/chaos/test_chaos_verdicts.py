"""The verdicts of the storm find what they are there to find."""

import datetime
from typing import Any

from tests.chaos.deliveries import Attempt, Logged, lost, never_sent, unsettled
from tests.chaos.history import Deletion, broken, untrue
from tests.chaos.storm import KILLED, plan_blows

KEY = ("endpoint", "ab" * 32)


def attempt(*, acknowledged: bool = True) -> Attempt:
    return Attempt(key=KEY, event="updated", acknowledged=acknowledged)


def row(**values: Any) -> Logged:
    good = {"key": KEY, "status": "processed", "outcome": "updated", "receipts": 1, "described": "contact updated 1"}
    return Logged(**{**good, "error_code": None, "error_message": None, **values})


def test_an_acknowledged_delivery_that_is_missing_is_found() -> None:
    assert lost([attempt()], [row()]) == []
    assert lost([attempt(acknowledged=False)], []) == []
    assert len(lost([attempt()], [])) == 1
    assert len(lost([attempt(), attempt()], [row()])) == 1
    assert lost([attempt(), attempt()], [row(receipts=2)]) == []


def test_a_delivery_that_nobody_settled_is_found() -> None:
    assert unsettled([row()], dead=set()) == []
    for left in ("received", "processing", "failed", "dead"):
        assert len(unsettled([row(status=left)], dead=set())) == 1
    assert len(unsettled([row(outcome=None)], dead=set())) == 1
    assert len(unsettled([row(), row()], dead=set())) == 1


def test_nonsense_is_a_dead_letter_with_its_reason() -> None:
    assert unsettled([row(status="dead", error_code="DELIVERY_MALFORMED")], dead={KEY[1]}) == []
    assert len(unsettled([row(status="dead", error_code="INTERNAL")], dead={KEY[1]})) == 1
    assert len(unsettled([row()], dead={KEY[1]})) == 1


def test_a_delivery_that_clio_never_sent_is_found() -> None:
    assert never_sent([attempt(acknowledged=False)], [row()]) == []
    assert len(never_sent([], [row()])) == 1


def change(operation: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    return {"operation": operation, "etag": "e", "before": before, "after": after}


def test_a_history_that_does_not_lead_to_the_row_is_found() -> None:
    created = change("created", None, {"etag": "e", "name": "A"})
    renamed = change("updated", {"name": "A"}, {"name": "B"})
    image = {"id": 1, "firm": 1, "clio_id": 1, "seen_at": "now", "presence": "present", "etag": "e", "title": None}
    assert broken({**image, "name": "B"}, [created, renamed]) == []
    assert len(broken({**image, "name": "A"}, [created, renamed])) == 1
    assert len(broken({**image, "name": "B"}, [created, change("updated", {"name": "X"}, {"name": "B"})])) == 1
    assert broken({**image, "name": "A"}, []) == ["no change of it"]
    assert broken(None, [created]) == ["no row of it"]
    gone = change("deleted", {"presence": "present"}, {"presence": "deleted"})
    assert broken({**image, "name": "A", "presence": "deleted"}, [created, gone]) == []
    assert len(broken({**image, "name": "A"}, [created, gone])) == 1


def test_a_deletion_told_of_what_clio_had_is_found() -> None:
    noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    told = [Deletion("contacts", 1, noon)]
    assert untrue(told, {("contacts", 1): noon}, set()) == []
    assert untrue(told, {}, {("matters", 1)}) == []
    assert len(untrue(told, {}, {("contacts", 1)})) == 1
    assert len(untrue(told, {("contacts", 1): noon + datetime.timedelta(seconds=1)}, set())) == 1


def test_a_storm_kills_each_process_and_is_the_same_for_the_same_seed() -> None:
    for seed in range(30):
        blows = plan_blows(seed, 8)
        assert {blow.target for blow in blows if not blow.frozen_s} == set(KILLED)
        assert blows == plan_blows(seed, 8)
    assert plan_blows(1, 8) != plan_blows(2, 8)
