"""The order of measuring: every server in turn within each round, so that what disturbs one disturbs all."""

import asyncio
import statistics
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from bench.graphql.cases import LIST, Case
from bench.graphql.load import Job, Outcome, run
from bench.graphql.servers import Server

REQUESTS = 512
"""Different requests of a cell, sent over and over."""

LIST_CONNECTIONS = 1


@dataclass(frozen=True)
class Cell:
    """What one server did with one case at one number of connections: medians over the rounds."""

    server: str
    case: str
    connections: int
    per_second: float
    spread: float
    p50_s: float
    p99_s: float
    client_us: float

    @classmethod
    def of(cls, server: str, case: str, connections: int, rounds: Sequence[Outcome]) -> "Cell":
        """Return the medians; `spread` is (largest - least) / median of the rates."""
        rates = [outcome.per_second for outcome in rounds]
        middle = statistics.median(rates)
        return cls(
            server=server,
            case=case,
            connections=connections,
            per_second=middle,
            spread=(max(rates) - min(rates)) / middle,
            p50_s=statistics.median(outcome.p50_s for outcome in rounds),
            p99_s=statistics.median(outcome.p99_s for outcome in rounds),
            client_us=statistics.median(1e6 * outcome.client_cpu_s / outcome.answers for outcome in rounds),
        )


@dataclass(frozen=True)
class Measure:
    """How much is measured: `rounds` that count, after one that does not, of `seconds` for each cell."""

    rounds: int
    seconds: float
    connections: Sequence[int]
    matters: int


async def measure(servers: Sequence[Server], cases: Sequence[Case], wanted: Measure, executor: Executor) -> list[Cell]:
    """Load the servers round by round; `executor` is one other process. Prints a line for each round.

    Raises:
        BadAnswer: a server answered with an error, or not at all.
    """
    grid = [(case, connections) for case in cases for connections in wanted.connections]
    grid.append((LIST, LIST_CONNECTIONS))
    found: dict[tuple[str, str, int], list[Outcome]] = {}
    for number in range(wanted.rounds + 1):
        order = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
        for case, connections in grid:
            positions = case.positions(REQUESTS, wanted.matters)
            for server in order:
                job = Job(server.port, server.requests(case, positions), connections, wanted.seconds)
                outcome = await asyncio.get_running_loop().run_in_executor(executor, run, job)
                if number:
                    found.setdefault((server.plan.name, case.name, connections), []).append(outcome)
        print(f"graphql: {f'round {number} of {wanted.rounds}' if number else 'warm-up'} done", flush=True)
    return [Cell.of(*key, rounds) for key, rounds in found.items()]
