"""`python -m bench [mirror] [values] [budget] [fanout]`: run what is named, or everything in about ten minutes."""

import argparse
import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bench import budget, fanout, mirror, values
from core.logging import configure_logging

MEASUREMENTS: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "mirror": mirror.measure,
    "values": values.measure,
    "budget": budget.measure,
    "fanout": fanout.measure,
}


def main(arguments: list[str]) -> int:
    """Run measurements by name; 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--minutes", type=float, default=fanout.MINUTES, help="how long fanout goes on")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {unknown[0]!r}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    configure_logging("error")
    measurements = dict(MEASUREMENTS)
    measurements["fanout"] = functools.partial(fanout.measure, asked.minutes)
    for name in asked.names or measurements:
        asyncio.run(measurements[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
