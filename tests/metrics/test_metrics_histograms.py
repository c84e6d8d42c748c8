"""Histograms: the error of a quantile is bounded, and the histograms of several processes are one."""

import math
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from core.metrics.figures import Figures
from core.metrics.histograms import RELATIVE_ERROR, SHORTEST_S, Histogram, bucket_of, seconds_of

durations = st.floats(min_value=1e-6, max_value=31 * 86_400, allow_nan=False)
samples = st.lists(durations, min_size=1, max_size=200)
parts = st.floats(min_value=0, max_value=1)


def histogram_of(seconds: list[float]) -> Histogram:
    return Histogram(Counter(map(bucket_of, seconds)))


@given(seconds=samples, part=parts)
@example(seconds=[0.25], part=0.5)
def test_a_quantile_is_no_further_away_than_the_stated_error(seconds: list[float], part: float) -> None:
    exact = sorted(seconds)[max(1, math.ceil(part * len(seconds))) - 1]
    found = histogram_of(seconds).quantile(part)
    assert found is not None
    assert abs(found - exact) <= max(exact * (RELATIVE_ERROR + 1e-9), SHORTEST_S)


@given(processes=st.lists(st.lists(durations, max_size=50), min_size=1, max_size=6), part=parts)
def test_histograms_of_several_processes_are_one(processes: list[list[float]], part: float) -> None:
    merged = Histogram()
    for seconds in processes:
        merged.merge(histogram_of(seconds))
    single = histogram_of([each for seconds in processes for each in seconds])
    assert merged.buckets == single.buckets
    assert merged.quantile(part) == single.quantile(part)
    assert merged.count == sum(map(len, processes))


@given(seconds=st.floats(min_value=0, max_value=1e9))
def test_longer_is_never_in_an_earlier_bucket(seconds: float) -> None:
    assert bucket_of(seconds) <= bucket_of(seconds * 1.5)


@given(amounts=st.lists(st.tuples(st.sampled_from(["received", "dead", "forged", "e7", "i0"]), st.integers(1, 9))))
def test_figures_come_back_from_their_measures(amounts: list[tuple[str, int]]) -> None:
    figures, again = Figures(), Figures()
    for measure, amount in amounts:
        figures.add(measure, amount)
    for measure, amount in figures.measures():
        again.add(measure, amount)
    assert dict(figures.measures()) == dict(again.measures())
    again.merge(figures)
    assert dict(again.measures()) == {measure: 2 * amount for measure, amount in figures.measures()}


def test_nothing_has_no_quantile_and_what_took_no_time_took_none() -> None:
    assert Histogram().quantile(0.5) is None
    assert [bucket_of(seconds) for seconds in (-3.0, 0.0, 1e-6)] == [0, 0, 0]
    assert seconds_of(0) == 0.0
    assert histogram_of([-1.0, 2.0]).quantile(0.5) == 0.0
