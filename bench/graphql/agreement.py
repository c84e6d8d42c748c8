"""Whether all servers say the same: compared before anything is measured."""

import json
from collections.abc import Sequence
from typing import Any

from bench.graphql.cases import CASES, LIST, WINDOW, Case
from bench.graphql.servers import Server

POSITIONS = (1, 17, 100, WINDOW)


class Disagreement(Exception):
    """Two servers answered one query differently; names both and the first difference."""


async def check(servers: Sequence[Server]) -> dict[str, int]:
    """Compare the answers of all servers at a few positions; return case -> bytes of one answer, without white space.

    Raises:
        Disagreement: they differ.
    """
    sizes: dict[str, int] = {}
    for case in (*CASES, LIST):
        for position in POSITIONS:
            answers = [await _answer(server, case, position) for server in servers]
            for server, answer in zip(servers[1:], answers[1:], strict=True):
                if answer != answers[0]:
                    names = f"{servers[0].plan.title} and {server.plan.title}"
                    raise Disagreement(f"{names} differ in {case.name}: {_difference(answers[0], answer)}")
        sizes[case.name] = len(json.dumps(answers[0], separators=(",", ":")))
    objects = count_objects(answers[0]["data"]["matters"]["nodes"])
    print(f"graphql: {len(servers)} servers agree; bytes of an answer: {sizes}; objects in {LIST.name}: {objects}")
    return sizes


async def _answer(server: Server, case: Case, position: int) -> dict[str, Any]:
    """Return an answer without `extensions`, which are each server's own."""
    answer = await server.ask(server.plan.words.body(case, position, server.cursors))
    return {name: value for name, value in answer.items() if name != "extensions"}


def count_objects(value: Any) -> int:
    """Return how many records an answer holds: objects with a `clioId`."""
    if isinstance(value, list):
        return sum(count_objects(each) for each in value)
    if isinstance(value, dict):
        return ("clioId" in value) + sum(count_objects(each) for each in value.values())
    return 0


def _difference(one: Any, other: Any, place: str = "") -> str:
    """Return the first place at which two answers differ, and what stands there."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(f"{place}.{name}", one[name], other[name]) for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{place}[{number}]", *pair) for number, pair in enumerate(zip(one, other, strict=True))]
    else:
        return f"{place or 'answer'} is {json.dumps(one)[:200]} and {json.dumps(other)[:200]}"
    return next(_difference(left, right, where) for where, left, right in pairs if left != right)
