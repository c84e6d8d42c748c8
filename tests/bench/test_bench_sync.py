"""The benchmark of whole syncs: what its figures count, what its limit writes, and that its tables have a place."""

from pathlib import Path

import pytest

from bench.sync.peers.limit import insert_of
from bench.sync.report import BEGIN, END, PAGE, Found, Held, Sample, Setting, lines, publish
from core.registry import Registry


@pytest.mark.parametrize("name", ["activity", "contact"])
def test_the_limit_inserts_every_column_of_the_mirror(registry: Registry, name: str) -> None:
    resource = registry.resource(name)
    inserted = insert_of(resource, "elsewhere").partition("(")[2].partition(")")[0].replace('"', "").split(", ")
    assert {*inserted} == {*resource.columns} - {"id", "presence"}


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    found = Found(Setting("activity", 100, 0, 3), {"ours": "clio-service", "dlt": "dlt"})
    for ours_s, dlt_s in ((1, 4), (10, 60), (2, 4)):  # the second round was slow for both
        found.add("ours", *[Sample(100, ours_s, 0.1, 1_000_000, 0.2)] * 2)
        found.add("dlt", *[Sample(100, dlt_s, 0.1, 2_000_000)] * 2)
    assert found.ratio("ours", "dlt", 0) == 4
    assert found.ratio("ours", "limit", 0) is None
    told = list(lines([found], [Held(10_000, 90_000_000, 100_000_000)]))
    assert "| clio-service | 50 | 4.00 /  /  |  | 50 | 4.00 /  /  |  | 1000 + 2000, 1000 + 2000 | 1 |" in told
    assert "| 10,000 | 90 | 100 |" in told


def test_publishing_replaces_what_stands_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    publish(["new"], page)
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n\n{END}\nafter\n"
    assert PAGE.read_text(encoding="utf-8").index(BEGIN) < PAGE.read_text(encoding="utf-8").index(END)
