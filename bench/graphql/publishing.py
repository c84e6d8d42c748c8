"""Puts a report into the documentation: the chart beside the page, the tables between two marks in it."""

from pathlib import Path

from bench.graphql.chart import draw
from bench.graphql.report import Report

DOCS = Path(__file__).parents[2] / "docs"
PAGE, CHART = DOCS / "performance.md", DOCS / "performance-graphql.svg"
BEGIN, END = "<!-- figures of `python -m bench graphql --publish` -->", "<!-- end of the figures -->"


def publish(report: Report, page: Path = PAGE, chart: Path = CHART) -> None:
    """Replace the chart, and what stands between the marks of the page.

    Raises:
        ValueError: the page has lost its marks.
    """
    text = page.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    tables = "\n".join(report.lines())
    page.write_text(f"{text[:start]}\n{tables}\n\n{text[end:]}", encoding="utf-8")
    chart.write_text(draw(report), encoding="utf-8")
