"""`python -m bench [mirror] [values] [budget]`: run the measurements named, or all of them; about five minutes."""

import asyncio
import sys

from bench import budget, mirror, values
from core.logging import configure_logging

MEASUREMENTS = {"mirror": mirror.measure, "values": values.measure, "budget": budget.measure}


def main(names: list[str]) -> int:
    """Run measurements by name; 2 for a name that is none."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {unknown[0]!r}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    configure_logging("error")
    for name in names or MEASUREMENTS:
        asyncio.run(MEASUREMENTS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
