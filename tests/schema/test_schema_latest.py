"""What is kept is what was used last, within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from schema.latest import Latest


def test_the_one_not_used_the_longest_goes() -> None:
    kept = Latest[str, int](2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    assert kept.find("a") == 1
    kept.keep("c", 3)
    assert (kept.find("a"), kept.find("b"), kept.find("c")) == (1, None, 3)


def test_what_is_heavy_pushes_out_more_than_one_and_is_not_kept_where_it_is_too_heavy_alone() -> None:
    kept = Latest[str, int](10, most_weight=10)
    for name in "abc":
        kept.keep(name, 0, weight=3)
    kept.keep("d", 0, weight=7)
    assert [name for name in "abcd" if kept.find(name) is not None] == ["c", "d"]
    kept.keep("e", 0, weight=11)
    assert kept.find("e") is None
    assert kept.find("d") is not None


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6))))
def test_the_bounds_always_hold_and_the_latest_is_there(kept_in_turn: list[tuple[int, int]]) -> None:
    kept, weights = Latest[int, int](4, most_weight=12), dict[int, int]()
    for key, weight in kept_in_turn:
        kept.keep(key, key, weight=weight)
        weights[key] = weight
        assert kept.find(key) == key
        held = [each for each in weights if each in kept._kept]
        assert len(held) == len(kept) <= 4
        assert sum(weights[each] for each in held) <= 12
