"""The clock, the timers, and the mock as a process of its own."""

import asyncio
import signal
import socket
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest

from mock_clio.clock import Clock, Timers

START = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)


def test_a_running_clock_starts_where_it_is_told() -> None:
    clock = Clock(START)
    assert 0 <= clock.now() - START.timestamp() < 5
    clock.advance(3600)
    assert 3600 <= clock.now() - START.timestamp() < 3605
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    assert clock.utc().year == 2027


def test_a_frozen_clock_stands_still() -> None:
    clock = Clock(START, frozen=True)
    assert clock.now() == clock.now() == START.timestamp()
    clock.advance(1)
    assert clock.seconds() == int(START.timestamp()) + 1


def test_a_jump_runs_what_fell_due_in_order() -> None:
    clock = Clock(START, frozen=True)
    timers, done = Timers(clock), list[str]()
    timers.at(clock.now() + 20, lambda: done.append("second"))
    timers.at(clock.now() + 10, lambda: done.append("first"))
    timers.at(clock.now() + 99, lambda: done.append("never"))
    clock.advance(30)
    assert (done, timers.pending()) == (["first", "second"], 1)


async def test_timers_run_by_themselves_while_the_clock_runs() -> None:
    timers, done = Timers(Clock(START)), asyncio.Event()
    running = asyncio.create_task(timers.run())
    timers.at(START.timestamp() + 0.05, done.set)
    async with asyncio.timeout(5):
        await done.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ready(client: httpx.AsyncClient, seconds: float = 20.0) -> None:
    """Wait until the process answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            await client.get("/__mock__/")
        except httpx.ConnectError:
            assert time.monotonic() < end, "the mock did not come up"
            await asyncio.sleep(0.05)
        else:
            return


async def test_the_command_serves_until_interrupted() -> None:
    port = free_port()
    arguments = ["--port", str(port), "--contacts", "7", "--application", "app:s3cret:http://127.0.0.1:9/cb"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mock_clio", *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await ready(client)
            assert (await client.get("/__mock__/")).json()["counts"]["contacts"] == 7
            credentials = {"client_id": "app", "client_secret": "s3cret"}
            form = {"grant_type": "refresh_token", "refresh_token": "x", **credentials}
            assert (await client.post("/oauth/token", data=form)).json()["error"] == "invalid_grant"
    finally:
        process.send_signal(signal.SIGINT)
    _, log = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert log.decode().count("\n") == 1, log.decode()
