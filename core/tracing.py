"""One log line per hook call, where the environment asks for it: which hook, which plugins, how long, how many answers.

`CLIO_SERVICE_TRACE_HOOKS=1` asks. It is read where plugins are loaded, which is before any setting: a service that
does not start for want of one can be traced, too. What goes into a hook and comes out of it is never logged.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pluggy

from core.logging import get_logger

log = get_logger(__name__)

VARIABLE = "CLIO_SERVICE_TRACE_HOOKS"


def is_traced(environment: Mapping[str, str]) -> bool:
    """Whether an environment asks for hook calls to be logged; only the value 1 does."""
    return environment.get(VARIABLE) == "1"


def trace_hooks(manager: pluggy.PluginManager) -> None:
    """Log every hook call of a manager that reaches a plugin, as `hook_called`.

    `answers` counts what came back, items of lists each on their own; `error` is the class of what was raised instead.
    """
    begun: dict[int, float] = {}  # by the dict of a call's arguments, which is its own until the call ends

    def before(_hook: str, _called: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]) -> None:
        begun[id(arguments)] = time.perf_counter()

    def after(
        outcome: pluggy.Result[Any], hook: str, called: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]
    ) -> None:
        duration_ms = round((time.perf_counter() - begun.pop(id(arguments))) * 1000, 3)
        if not called:
            return
        failed = outcome.exception
        log.info(
            "hook_called",
            hook=hook,
            plugin=", ".join(each.plugin_name for each in called),
            answers=0 if failed else _count(outcome.get_result()),
            duration_ms=duration_ms,
            error=None if failed is None else type(failed).__name__,
        )

    manager.add_hookcall_monitoring(before, after)


def _count(answers: object) -> int:
    """Return how many things a hook's answers hold."""
    found = answers if isinstance(answers, list) else [answers]
    return sum(len(each) if isinstance(each, Collection) and not isinstance(each, str | bytes) else 1 for each in found)
