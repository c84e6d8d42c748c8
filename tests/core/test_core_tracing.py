"""Hook calls are logged where the environment asks for it, by name and number, and never by value."""

import io
import json
from typing import Any

import pytest

from core.hookspecs import hookimpl
from core.loading import Candidate, load_plugins
from core.logging import configure_logging
from core.tracing import VARIABLE


class Plugin:
    """Says a secret where it may answer, and where it fails."""

    @hookimpl
    def resources(self) -> list[Any]:
        """Declare nothing."""
        return []

    @hookimpl
    def route_handlers(self, services: Any) -> list[Any]:
        """Answer with what it was given, twice."""
        return [services, services]

    @hookimpl
    def commands(self) -> list[Any]:
        """Fail."""
        raise LookupError("a secret")


def calls(asked: str | None, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], str]:
    """Load the plugin and call its hooks; return the lines about hooks, and everything that was logged."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if asked is not None:
        monkeypatch.setenv(VARIABLE, asked)
    stream = io.StringIO()
    try:
        configure_logging("info", stream=stream)
        registry = load_plugins([Candidate(name="odd", distribution="strangers", load=Plugin)])
        list(registry.collect("route_handlers", services="a secret"))
        list(registry.collect("commands"))
    finally:
        configure_logging("info")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "hook_called"], stream.getvalue()


def test_every_call_is_one_line_with_who_answered_how_often_and_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, everything = calls("1", monkeypatch)
    assert [(line["hook"], line["plugin"], line["answers"], line["error"]) for line in lines] == [
        ("resources", "odd", 0, None),
        ("route_handlers", "odd", 2, None),
        ("commands", "odd", 0, "LookupError"),
    ]
    assert all(line["duration_ms"] >= 0 for line in lines)
    assert "a secret" not in everything


@pytest.mark.parametrize("asked", [None, "", "0", "true"])
def test_nothing_is_logged_unless_asked(asked: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calls(asked, monkeypatch)[0] == []
