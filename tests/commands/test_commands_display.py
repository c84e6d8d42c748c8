"""Progress of the demo: bars in a terminal, plain lines elsewhere."""

import io
from typing import Any

from rich.console import Console

from core.demo.display import open_display


def run(resource: str, seen: int, total: int | None, state: str) -> dict[str, Any]:
    return {"resource": resource, "recordsSeen": seen, "recordsTotal": total, "state": state, "etaS": 12.4}


def shown(*, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    with open_display(console) as display:
        display.say("hello [there]")
        display.runs([run("contact", 0, None, "queued")])
        display.runs([run("contact", 200, 420, "running")])
        display.runs([run("contact", 200, 420, "running")])
        display.runs([run("contact", 420, 420, "succeeded")])
    return stream.getvalue()


def test_without_a_terminal_each_change_is_one_plain_line() -> None:
    assert shown(terminal=False).splitlines() == [
        "hello [there]",
        "backfill contact: 0/? queued",
        "backfill contact: 200/420 running",
        "backfill contact: 420/420 succeeded",
    ]


def test_a_terminal_shows_bars_that_reach_the_end() -> None:
    text = shown(terminal=True)
    assert "hello [there]" in text
    assert "contact" in text
    assert "420/420" in text
    assert "succeeded" in text
    assert "about 12 s left" in text
