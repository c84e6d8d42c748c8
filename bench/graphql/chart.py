"""The chart of the documentation: bars by hand in SVG, readable on white and on black."""

from collections.abc import Iterator
from html import escape

from bench.graphql.cases import CASES
from bench.graphql.report import PUBLISHED, Report

WIDTH, LABEL, BAR, GAP, PANEL = 760, 190, 18, 6, 34
COLOURS = {
    "ours": "#0b7a75",
    "ours-generic": "#7cb9b4",
    "limit": "#8a8f98",
    "postgraphile": "#3f6fb5",
    "mercurius": "#b0672c",
}
OTHERS = "#a08bb5"


def draw(report: Report) -> str:
    """Return an SVG: one panel of bars for each query, answers a second at 16 connections."""
    parts, top = [], 30
    for case in CASES:
        height, lines = _panel(report, case.name, case.title, top)
        parts += lines
        top += height
    note = f"Answers a second at {PUBLISHED} connections, median of rounds; more is better."
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13" aria-label="{escape(note)}">'
    )
    paper = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, paper, _text(12, 20, note, weight="600"), *parts, "</svg>"]) + "\n"


def _panel(report: Report, case: str, title: str, top: int) -> tuple[int, list[str]]:
    """Return the height of a panel and its lines; rates are drawn to the largest of the panel."""
    rows = [
        (weight, cell) for weight in report.weights if (cell := report.cell(weight.server, case, PUBLISHED)) is not None
    ]
    most = max((cell.per_second for _, cell in rows), default=1.0)
    lines = [_text(12, top + 20, f"{case}: {title}", weight="600")]
    for number, (weight, cell) in enumerate(rows):
        y = top + PANEL + number * (BAR + GAP)
        length = max(1.0, (WIDTH - LABEL - 90) * cell.per_second / most)
        lines += _bar(y, length, COLOURS.get(weight.server, OTHERS), weight.title, f"{cell.per_second:,.0f}")
    return PANEL + len(rows) * (BAR + GAP) + 10, lines


def _bar(y: int, length: float, colour: str, title: str, value: str) -> Iterator[str]:
    yield _text(LABEL - 8, y + 14, title, anchor="end")
    yield f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>'
    yield _text(LABEL + length + 6, y + 14, value)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="#1c2733">{escape(text)}</text>'
    )
