"""`python -m bench [name ...]`: run what is named (`--help` lists them), or everything in about fifteen minutes.

By name alone, since they fetch what they are compared with: `python -m bench graphql --help`, the reads beside other
servers; `webhooks --help`, the receiver beside others; `sync --help`, whole syncs beside others. And
`scale --help`, the mirror with many rows and firms, which takes long.
"""

import argparse
import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bench import as_of, budget, deliveries, fanout, feed, values
from bench.graphql import command as graphql
from bench.scale import command as scale
from bench.sync import command as sync
from bench.webhooks import command as webhooks
from core.logging import configure_logging

MEASUREMENTS: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "values": values.measure,
    "as_of": as_of.measure,
    "budget": budget.measure,
    "fanout": fanout.measure,
    "feed": feed.measure,
    "deliveries": deliveries.measure,
}


def main(arguments: list[str]) -> int:
    """Run measurements by name; 2 for a name that is none."""
    configure_logging("error")
    if arguments[:1] == ["graphql"]:
        return graphql.main(arguments[1:])
    if arguments[:1] == ["scale"]:
        return scale.main(arguments[1:])
    if arguments[:1] == ["sync"]:
        return sync.main(arguments[1:])
    if arguments[:1] == ["webhooks"]:
        return webhooks.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=", ".join([*MEASUREMENTS, "graphql", "scale", "sync", "webhooks"])
    )
    parser.add_argument("--minutes", type=float, default=fanout.MINUTES, help="how long fanout and feed go on")
    parser.add_argument("--topic", choices=fanout.DOCUMENTS, default=fanout.TOPIC, help="what fanout watches")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in MEASUREMENTS]
    if unknown:
        known = ", ".join([*MEASUREMENTS, "graphql", "scale", "sync", "webhooks"])
        print(f"no measurement {unknown[0]!r}; there are: {known}", file=sys.stderr)
        return 2
    measurements = dict(MEASUREMENTS)
    measurements["fanout"] = functools.partial(fanout.measure, asked.minutes, asked.topic)
    measurements["feed"] = functools.partial(feed.measure, asked.minutes)
    for name in asked.names or measurements:
        asyncio.run(measurements[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
