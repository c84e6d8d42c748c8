"""`python -m bench sync`: a whole sync beside other ways to bring the same pages into the same PostgreSQL.

Every peer is a process of its own and reads the same bytes; all are measured in turn within each round, first into an
empty table, then once more over the same records.
"""

import argparse
import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import AsyncExitStack

import httpx

from bench.graphql import cpu
from bench.stage import stage
from bench.sync import memory
from bench.sync.plans import Peer, Plan, plans, running
from bench.sync.report import Found, Sample, Setting, lines, publish
from core.resource import Resource, sql_type
from core.services import Services

LATENCY_MS = 80


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; 2 for arguments that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bench sync", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="of each resource, at zero latency")
    parser.add_argument(
        "--late-records", type=int, default=6_000, help=f"at {LATENCY_MS} ms a request; 0 leaves it out"
    )
    parser.add_argument("--resources", type=_names, default=["activity", "contact"], help="comma separated")
    parser.add_argument("--rounds", type=int, default=5, help="that count; one more warms up")
    parser.add_argument("--only", type=_names, default=[], help="peers by name, comma separated; all unless given")
    parser.add_argument(
        "--memory", type=_numbers, default=[10_000, 200_000], help="records of the runs whose memory is told"
    )
    parser.add_argument("--publish", action="store_true", help="put the tables into docs/performance.md")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    found = asyncio.run(_run(options))
    held = asyncio.run(memory.measure(options.memory)) if options.memory else []
    told = list(lines(found, held))
    print("\n".join(told))
    if options.publish:
        publish(told)
    return 0


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


async def _run(options: argparse.Namespace) -> list[Found]:
    found = []
    for name in options.resources:
        for latency_ms, records in ((0, options.records), (LATENCY_MS, options.late_records)):
            if records:
                setting = Setting(name, records, latency_ms, options.rounds)
                found.append(await _measure(setting, options.only))
    return found


async def _measure(setting: Setting, only: Sequence[str]) -> Found:
    sizes = {"contacts": 50, "activities": 40} | {_plural(setting.resource): setting.records}
    async with stage(**sizes, rate_limit=1_000_000, fronted=True) as (services, firm, url), AsyncExitStack() as stack:
        resource = services.registry.resource(setting.resource)
        wanted = [plan for plan in await plans(services, resource, firm, url) if not only or plan.name in only]
        peers = [await stack.enter_async_context(running(plan)) for plan in wanted]
        found = Found(setting, {plan.name: plan.title for plan in wanted})
        for number in range(setting.rounds + 1):
            if number == 1:
                await _delay(url, setting.latency_ms)
            turn = number % len(peers)
            for peer in [*peers[turn:], *peers[:turn]]:
                samples = await _sample(services, resource, peer, setting.records)
                if number:
                    found.add(peer.plan.name, *samples)
            if not number:
                await _agree(services, resource, [peer.plan for peer in peers])
            print(f"{setting}: {f'round {number} of {setting.rounds}' if number else 'warm-up'} done", flush=True)
    return found


def _plural(resource: str) -> str:
    return {"activity": "activities", "contact": "contacts"}[resource]


async def _delay(url: str, latency_ms: int) -> None:
    async with httpx.AsyncClient() as http:
        (await http.get(f"{url}/__front__/latency/{latency_ms}")).raise_for_status()


async def _sample(services: Services, resource: Resource, peer: Peer, records: int) -> tuple[Sample, Sample]:
    """Return the pass into an empty table and the pass over the same records; RuntimeError where some are not there."""
    await peer.plan.empty(services.database.pool)
    first, second = [await _watched(services, peer), await _watched(services, peer)]
    arrived = await services.database.pool.fetchval(f"SELECT count(*) FROM {peer.plan.table}")
    if not arrived == first.records == second.records == records:
        raise RuntimeError(
            f"{peer.plan.title} told of {first.records} of {records} {resource.plural}, {arrived} arrived"
        )
    return first, second


async def _watched(services: Services, peer: Peer) -> Sample:
    """Ask for a pass; what PostgreSQL spends meanwhile is added to what the peer tells."""
    backend = await services.database.pool.fetchval("SELECT pg_backend_pid()")
    before = cpu.spent_with_siblings_s(backend)
    sample = await peer.one_pass()
    after = cpu.spent_with_siblings_s(backend)
    return sample if before is None or after is None else dataclasses.replace(sample, database_cpu_s=after - before)


async def _agree(services: Services, resource: Resource, peers: Sequence[Plan]) -> None:
    """Compare the mirror with the tables of the same shape; RuntimeError where a value differs.

    Left out is what holds JSON, of which the mirror keeps what it serves, and the others what Clio sent.
    """
    plain = [
        name for name, column in resource.own_columns.items() if not sql_type(column).startswith(("json", "bigint["))
    ]
    columns = ", ".join(f'"{name}"' for name in ("clio_id", "etag", "clio_created_at", "clio_updated_at", *plain))
    tables = {peer.name: peer.table for peer in peers if not peer.name.startswith("dlt")}
    ours = tables.pop("ours", None)
    for name, table in tables.items() if ours else ():
        unlike = await services.database.pool.fetchval(
            f"SELECT count(*) FROM (SELECT {columns} FROM {ours} EXCEPT SELECT {columns} FROM {table}) AS unlike"
        )
        if unlike:
            raise RuntimeError(f"{unlike} {resource.plural} of ours differ from what {name} brought")
