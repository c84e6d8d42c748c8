"""Progress of runs: bars in a terminal, plain lines elsewhere."""

import io

from rich.console import Console

from core.commands.display import MOST_BARS, ShownRun, open_display


def run(resource: str, seen: int, total: int | None, state: str) -> ShownRun:
    return ShownRun(
        name=f"backfill {resource}",
        seen=seen,
        total=total,
        state=state,
        detail="about 12 s left" if seen else "",
        is_over=state == "succeeded",
    )


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


def test_without_a_terminal_each_state_is_one_plain_line() -> None:
    assert shown(terminal=False).splitlines() == [
        "hello [there]",
        "backfill contact: 0/? queued",
        "backfill contact: 200/420 running, about 12 s left",
        "backfill contact: 420/420 succeeded, about 12 s left",
    ]


def test_a_terminal_shows_bars_that_reach_the_end() -> None:
    text = shown(terminal=True)
    assert "hello [there]" in text
    assert "contact" in text
    assert "420/420" in text
    assert "succeeded" in text
    assert "about 12 s left" in text


def test_a_run_that_only_moves_on_has_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with open_display(Console(file=stream, width=100)) as display:
        for seen in range(0, 400, 20):
            display.runs([run("contact", seen, 420, "running")])
    assert len(stream.getvalue().splitlines()) == 1


def test_of_very_many_runs_those_that_have_ended_leave_a_line_above_the_bars() -> None:
    stream = io.StringIO()
    names = [f"resource{number}" for number in range(3 * MOST_BARS)]
    with open_display(Console(file=stream, force_terminal=True, width=100, height=200)) as display:
        display.runs([run(name, 0, None, "queued") for name in names])
        display.runs([run(name, 5, 5, "succeeded") for name in names])
    text = stream.getvalue()
    assert all(f"backfill {name}: 5/5 succeeded" in text for name in names)
