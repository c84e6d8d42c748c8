"""`python -m bench [mirror] [values] [budget]`: run the measurements named, or all three; about five minutes.

`python -m bench graphql --help`: the reads beside other servers; by name alone, since it fetches those servers.
"""

import asyncio
import sys

from bench import budget, mirror, values
from bench.graphql import command as graphql
from core.logging import configure_logging

MEASUREMENTS = {"mirror": mirror.measure, "values": values.measure, "budget": budget.measure}


def main(names: list[str]) -> int:
    """Run measurements by name; 2 for a name that is none."""
    configure_logging("error")
    if names[:1] == ["graphql"]:
        return graphql.main(names[1:])
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        known = ", ".join([*MEASUREMENTS, "graphql"])
        print(f"no measurement {unknown[0]!r}; there are: {known}", file=sys.stderr)
        return 2
    for name in names or MEASUREMENTS:
        asyncio.run(MEASUREMENTS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
