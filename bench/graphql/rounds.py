"""The order of measuring: every server in turn within each round, so that what disturbs one disturbs all."""

import asyncio
import statistics
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from bench.graphql import cpu
from bench.graphql.cases import LIST, Case
from bench.graphql.load import BadAnswer, Job, Outcome, run
from bench.graphql.servers import Server

REQUESTS = 512
"""Different requests of a cell, sent over and over."""

LIST_CONNECTIONS = 1


@dataclass(frozen=True)
class Sample:
    """One cell of one round: what the client saw, and the seconds of CPU of the server and of PostgreSQL."""

    outcome: Outcome
    cpu_s: tuple[float, float] | None


@dataclass(frozen=True)
class Cell:
    """What one server did with one case at one number of connections: medians over the rounds.

    `rates` are those of the rounds, in order; `spread` is (largest - least) / median of them. The three last are
    microseconds of CPU for each answer.
    """

    server: str
    case: str
    connections: int
    per_second: float
    rates: Sequence[float]
    spread: float
    p50_s: float
    p99_s: float
    client_us: float
    server_us: float | None
    database_us: float | None

    @classmethod
    def of(cls, server: str, case: str, connections: int, rounds: Sequence[Sample]) -> "Cell":
        """Return the medians."""
        outcomes = [sample.outcome for sample in rounds]
        rates = [outcome.per_second for outcome in outcomes]
        middle = statistics.median(rates)
        costs = [
            [1e6 * seconds / sample.outcome.answers for seconds in sample.cpu_s]
            for sample in rounds
            if sample.cpu_s is not None
        ]
        return cls(
            server=server,
            case=case,
            connections=connections,
            per_second=middle,
            rates=rates,
            spread=(max(rates) - min(rates)) / middle,
            p50_s=statistics.median(outcome.p50_s for outcome in outcomes),
            p99_s=statistics.median(outcome.p99_s for outcome in outcomes),
            client_us=statistics.median(1e6 * outcome.client_cpu_s / outcome.answers for outcome in outcomes),
            server_us=statistics.median(cost[0] for cost in costs) if costs else None,
            database_us=statistics.median(cost[1] for cost in costs) if costs else None,
        )

    def ratio(self, other: "Cell") -> float:
        """Return the median of the rounds' own ratios: what disturbed a round disturbed both in it."""
        return statistics.median(one / two for one, two in zip(self.rates, other.rates, strict=True))


@dataclass(frozen=True)
class Measure:
    """How much is measured: `rounds` that count, after one that does not, of `seconds` for each cell.

    `postmaster` is the process id of PostgreSQL, whose children do the work.
    """

    rounds: int
    seconds: float
    connections: Sequence[int]
    matters: int
    postmaster: int


async def measure(servers: Sequence[Server], cases: Sequence[Case], wanted: Measure, executor: Executor) -> list[Cell]:
    """Load the servers round by round; `executor` is one other process. Prints a line for each round.

    Raises:
        BadAnswer: a server answered with an error, or not at all.
    """
    grid = [(case, connections) for case in cases for connections in wanted.connections]
    grid.append((LIST, LIST_CONNECTIONS))
    found: dict[tuple[str, str, int], list[Sample]] = {}
    for number in range(wanted.rounds + 1):
        order = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
        for case, connections in grid:
            positions = case.positions(REQUESTS, wanted.matters)
            for server in order:
                job = Job(server.port, server.requests(case, positions), connections, wanted.seconds)
                sample = await _sample(server, job, wanted.postmaster, executor)
                if number:
                    found.setdefault((server.plan.name, case.name, connections), []).append(sample)
        print(f"graphql: {f'round {number} of {wanted.rounds}' if number else 'warm-up'} done", flush=True)
    return [Cell.of(*key, rounds) for key, rounds in found.items()]


async def _sample(server: Server, job: Job, postmaster: int, executor: Executor) -> Sample:
    before = cpu.spent_s(server.process.pid, parent_of=postmaster)
    try:
        outcome = await asyncio.get_running_loop().run_in_executor(executor, run, job)
    except BadAnswer as error:
        raise BadAnswer(f"{server.plan.title}: {error}") from error
    after = cpu.spent_s(server.process.pid, parent_of=postmaster)
    if before is None or after is None:
        return Sample(outcome, None)
    return Sample(outcome, (after[0] - before[0], after[1] - before[1]))
