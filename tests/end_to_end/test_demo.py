"""`make demo` as a person and a script meet it: ready, fresh, and gone without a trace."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from core.embedded.processes import is_running
from core.testing.driving import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    """A demo that runs, and the way scripts drive it."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process, self.folder = process, folder
        self.described: dict[str, Any] = {}
        self.output = ""

    async def ready(self) -> None:
        """Read on until the demo says that it is ready."""
        assert self.process.stdout is not None
        async with asyncio.timeout(90):
            while not re.search(r"^ready http", self.output, re.MULTILINE):
                line = await self.process.stdout.readline()
                assert line, f"the demo ended: {self.output}"
                self.output += line.decode()
        self.described = json.loads((self.folder / ".demo" / "demo.json").read_text(encoding="utf-8"))

    async def graphql(self, query: str) -> Any:
        async with httpx.AsyncClient(timeout=20) as http:
            answer = await http.post(
                self.described["graphql_url"],
                json={"query": query},
                headers={"Authorization": f"Bearer {self.described['token']}"},
            )
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    async def clio(self, method: str, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient(timeout=20) as http:
            answer = await http.request(
                method,
                f"{self.described['mock_clio_url']}/api/v4/{path}",
                json=body,
                headers={"Authorization": f"Bearer {self.described['clio_access_token']}"},
            )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def is_gone(self) -> bool:
        """Whether none of the demo's processes is left."""
        return not any(is_running(pid) for pid in self.described["pids"].values())


OURS = ("-c", "from core.cli import main; main()")

RUN_AND_WAIT = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
"""A parent that waits for the demo, as `make` does."""


@asynccontextmanager
async def started(folder: Path, *, through: Sequence[str] = (), more: Sequence[str] = ()) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *through,
        *OURS,
        *("demo", *more, "--port", str(free_port()), "--mock-clio-port", str(free_port())),
        *("--contacts", "420", "--matters", "210", "--users", "6", "--traffic-per-minute", "0"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    demo = Demo(process, folder)
    try:
        await demo.ready()
        yield demo
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with started(tmp_path) as running:
        yield running


async def all_nodes(demo: Demo, field: str, selection: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after = ""
    while True:
        listing = f"totalCount nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }}"
        page = (await demo.graphql(f"{{ {field}(first: 100{after}) {{ {listing} }} }}"))[field]
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(nodes)
            return nodes
        after = f', after: "{page["pageInfo"]["endCursor"]}"'


async def listed(demo: Demo, path: str, fields: str) -> dict[str, dict[str, Any]]:
    url, found = f"{path}.json?fields={fields}&limit=200", dict[str, dict[str, Any]]()
    while url:
        page = await demo.clio("GET", url)
        found |= {str(record["id"]): record for record in page["data"]}
        url = page["meta"].get("paging", {}).get("next", "").partition("/api/v4/")[2]
    return found


async def test_the_mirror_equals_clio_and_stays_fresh_and_ctrl_c_leaves_nothing(demo: Demo) -> None:
    for field, selection, fields in (
        ("users", "clioId etag name email", "id,etag,name,email"),
        ("contacts", "clioId etag name type", "id,etag,name,type"),
        ("matters", "clioId etag description status client { clioId }", "id,etag,description,status,client{id}"),
    ):
        mirrored = {node["clioId"]: node for node in await all_nodes(demo, field, selection)}
        wanted = await listed(demo, field, fields)
        assert mirrored.keys() == wanted.keys()
        for clio_id, record in wanted.items():
            node = mirrored[clio_id]
            assert {name: node[name] for name in record if name in node and name != "client"} == {
                name: value for name, value in record.items() if name in node and name != "client"
            }
            if "client" in node:
                assert node["client"]["clioId"] == str(record["client"]["id"])

    changed, deleted = list(await listed(demo, "contacts", "id"))[:2]
    await demo.clio("PATCH", f"contacts/{changed}.json", {"data": {"title": "Counsel"}})
    await demo.clio("DELETE", f"contacts/{deleted}.json")

    async def seen() -> bool:
        one = await demo.graphql(f'{{ contact(clioId: "{changed}") {{ title }} }}')
        other = await demo.graphql(f'{{ contact(clioId: "{deleted}") {{ presence }} }}')
        return (one["contact"]["title"], other["contact"]["presence"]) == ("Counsel", "DELETED")

    await until(seen, timeout_s=10)
    deliveries = await demo.graphql("{ webhookDeliveries(first: 10) { nodes { recordClioId event status } } }")
    events = {(node["recordClioId"], node["event"]) for node in deliveries["webhookDeliveries"]["nodes"]}
    assert {(changed, "updated"), (deleted, "deleted")} <= events

    assert (demo.folder / ".demo" / "demo.json").stat().st_mode & 0o077 == 0
    demo.process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(demo.process.wait(), timeout=30) == 0
    await until(demo.is_gone, timeout_s=10)


async def test_killing_the_demo_leaves_no_process(demo: Demo) -> None:
    demo.process.kill()
    await demo.process.wait()
    await until(demo.is_gone, timeout_s=20)


async def test_killing_what_started_the_demo_leaves_no_process(tmp_path: Path) -> None:
    async with started(tmp_path, through=("-c", RUN_AND_WAIT), more=("--end-with-parent",)) as demo:
        demo.process.kill()
        await demo.process.wait()
        await until(demo.is_gone, timeout_s=30)


async def test_a_worker_that_is_killed_is_started_again(demo: Demo) -> None:
    killed = demo.described["pids"]["worker"]
    os.kill(killed, signal.SIGKILL)

    async def described_anew() -> bool:
        found = json.loads((demo.folder / ".demo" / "demo.json").read_text(encoding="utf-8"))
        return bool(found["pids"]["worker"] != killed and is_running(found["pids"]["worker"]))

    await until(described_anew)
    [contact, *_] = await listed(demo, "contacts", "id")
    await demo.clio("PATCH", f"contacts/{contact}.json", {"data": {"title": "After the fall"}})

    async def seen() -> bool:
        found = await demo.graphql(f'{{ contact(clioId: "{contact}") {{ title }} }}')
        return bool(found["contact"]["title"] == "After the fall")

    await until(seen, timeout_s=40)


async def test_no_acknowledged_delivery_is_lost_when_postgresql_is_killed(demo: Demo) -> None:
    """PostgreSQL, durable here as in production, dies in the middle of a stream of deliveries and comes back."""
    contacts = list(await listed(demo, "contacts", "id"))[:40]
    mock = demo.described["mock_clio_url"]
    async with httpx.AsyncClient(timeout=30) as http:
        for number, contact in enumerate(contacts):
            if number == 15:
                os.kill(demo.described["pids"]["postgres"], signal.SIGKILL)
            await demo.clio("PATCH", f"contacts/{contact}.json", {"data": {"title": f"Title {number}"}})

        async def arrived() -> bool:
            await http.post(
                f"{mock}/__mock__/clock/advance", json={"seconds": 125}
            )  # Clio's first retry, and later ones
            await http.post(f"{mock}/__mock__/deliveries/settle")
            answer = await http.post(
                demo.described["graphql_url"],
                json={"query": "{ contacts(first: 60) { nodes { clioId title } } }"},
                headers={"Authorization": f"Bearer {demo.described['token']}"},
            )
            data = answer.json().get("data") or {}
            titles = {node["clioId"]: node["title"] for node in (data.get("contacts") or {}).get("nodes", [])}
            return all(titles.get(contact) == f"Title {number}" for number, contact in enumerate(contacts))

        await until(arrived, timeout_s=60)
        journal = (await http.get(f"{mock}/__mock__/journal/deliveries")).json()["data"]
    told = {entry["body"] for entry in journal if entry["outcome"] == "delivered"}
    connection = await asyncpg.connect(demo.described["database_url"])
    try:
        rows = await connection.fetch("SELECT body, count(*) AS times FROM webhook_delivery GROUP BY body")
    finally:
        await connection.close()
    kept = {row["body"].decode(): row["times"] for row in rows}
    assert told - kept.keys() == set()
    assert {body for body in told if kept[body] != 1} == set()
