"""The planner: windows only where they help, and only where they are safe."""

import math

from hypothesis import given
from hypothesis import strategies as st

from core.sync.planner import (
    LEAST_PAGES_LEFT,
    WALL,
    Pace,
    Plan,
    is_within_reach,
    overlap,
    plan_list,
    step,
)

PAGE_LIMITS = st.integers(1, 2000)
LATENCIES = st.one_of(st.none(), st.floats(0, 60))
PACES = st.builds(Pace, latency_s=LATENCIES, allowed_per_minute=st.integers(1, 100_000), most_ahead=st.integers(1, 32))
SLOW = Pace(latency_s=2.5, allowed_per_minute=50, most_ahead=8)


def plan(*, total: int | None = 5000, page_limit: int = 200, pace: Pace = SLOW) -> Plan:
    read = page_limit if total is None else min(total, page_limit)
    return plan_list(page_limit=page_limit, total=total, read=read, pace=pace)


def test_slow_answers_make_windows_and_their_text_says_how_many() -> None:
    assert str(plan()) == "windows, 200 a page, 4 ahead"


def test_answers_fast_enough_for_the_limit_make_a_serial_reading() -> None:
    at_peak = Pace(latency_s=1.1, allowed_per_minute=50, most_ahead=8)
    assert str(plan(pace=at_peak)) == "cursor, 200 a page, 1 ahead"
    assert plan(pace=Pace(latency_s=1.3, allowed_per_minute=50, most_ahead=8)).way == "windows"
    assert plan(pace=Pace(latency_s=1.1, allowed_per_minute=300, most_ahead=8)).way == "windows"


def test_on_a_fast_network_writing_is_what_takes_time() -> None:
    assert plan(pace=Pace(latency_s=0.004, allowed_per_minute=100_000, most_ahead=8)).way == "cursor"
    assert str(plan(pace=Pace(latency_s=0.08, allowed_per_minute=100_000, most_ahead=8))) == (
        "windows, 200 a page, 5 ahead"
    )


def test_what_nothing_is_known_of_is_read_by_cursor() -> None:
    assert plan(total=None).way == "cursor"
    assert plan(pace=Pace(latency_s=None, allowed_per_minute=50, most_ahead=8)).way == "cursor"


def test_a_small_delta_is_read_by_cursor() -> None:
    assert plan(total=400).way == "cursor"
    assert plan(total=900).way == "windows"


def test_an_operator_can_have_it_serial() -> None:
    assert plan(pace=Pace(latency_s=30, allowed_per_minute=50, most_ahead=1)).way == "cursor"


@given(total=st.one_of(st.none(), st.integers(0, 1_000_000)), page_limit=PAGE_LIMITS, pace=PACES)
def test_windows_are_bounded_useful_and_within_reach(total: int | None, page_limit: int, pace: Pace) -> None:
    chosen = plan(total=total, page_limit=page_limit, pace=pace)
    assert chosen.page_limit == page_limit
    if chosen.way == "cursor":
        assert chosen.ahead == 1
        return
    assert total is not None
    assert 2 <= chosen.ahead <= min(8 if pace.most_ahead <= 8 else 32, pace.most_ahead)
    assert pace.wanted > 1, "one request at a time would do"
    assert (total - page_limit) / step(page_limit) > LEAST_PAGES_LEFT - 1
    last = math.ceil((total - page_limit) / step(page_limit)) * step(page_limit)
    assert last + page_limit >= total, "the windows do not reach the end"
    assert is_within_reach(last + page_limit, page_limit), f"no room to grow below {WALL}"


@given(page_limit=PAGE_LIMITS)
def test_windows_overlap_and_move_on(page_limit: int) -> None:
    assert overlap(page_limit) >= 1
    assert step(page_limit) + overlap(page_limit) == page_limit
    assert page_limit == 1 or step(page_limit) >= 1


@given(pace=PACES)
def test_what_is_under_way_is_bounded(pace: Pace) -> None:
    assert 1 <= pace.ahead <= pace.most_ahead
