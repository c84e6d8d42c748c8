"""The storm: edits at Clio while processes are killed, deliveries go astray, and Clio and the wire misbehave.

Who does what, and when, follows from the seed; what it meets does not, for the processes run on their own.
"""

import asyncio
import hashlib
import json
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from core.testing.driving import CLIENT_ID, until
from tests.chaos.chance import chance
from tests.chaos.editing import Editor
from tests.chaos.stage import WORKERS, Stage

KILLED = ("api", *WORKERS, "redis", "postgres")
SERVER_KILLS_MAX = 2
"""Of each server: their supervision waits longer each time, and gives up after five restarts within a minute."""

AGAIN = 0.5
"""How often PostgreSQL dies once more while it recovers, and so stays away for longer."""

TOGETHER = 0.6
"""How often Redis dies while PostgreSQL is away, with what it may hold for it."""

LOOK_S = 0.2
API_PATIENCE_S = 4.0
LONGEST = 10
"""How much longer than planned a storm may last, until something must be wrong."""

EDIT_PAUSE_S = (0.0, 0.12)
TROUBLE_PAUSE_S = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Blow:
    """One process at one moment: killed, or stopped for a while and let go on."""

    at_s: float
    target: str
    frozen_s: float = 0.0


def plan_blows(seed: int, storm_s: float) -> list[Blow]:
    """Return who is killed and when: each at least once, Redis often while PostgreSQL is away; and who is frozen."""
    rng = chance(seed, "blows")
    targets = [*KILLED, *(rng.choice(KILLED) for _ in range(max(1, round(storm_s / 2.5)) - 1))]
    for server in ("redis", "postgres"):
        while targets.count(server) > SERVER_KILLS_MAX:
            targets[targets.index(server)] = rng.choice(("api", *WORKERS))
    moments = [(target, rng.uniform(0.3, storm_s)) for target in targets]
    away_at = next(at_s for target, at_s in moments if target == "postgres")
    if rng.random() < AGAIN and targets.count("postgres") < SERVER_KILLS_MAX:
        moments.append(("postgres", away_at + rng.uniform(0.3, 1.0)))
    if rng.random() < TOGETHER:
        moments[targets.index("redis")] = ("redis", away_at + rng.uniform(0.0, 0.6))
    blows = [Blow(at_s, target) for target, at_s in moments]
    frozen = Blow(rng.uniform(0, storm_s / 2), rng.choice(("api", *WORKERS)), rng.uniform(1.5, 3.5))
    return sorted([*blows, frozen], key=lambda blow: blow.at_s)


class Storm:
    """Runs it all, and remembers what was done to whom."""

    def __init__(self, stage: Stage, seed: int, storm_s: float) -> None:
        self.blows = plan_blows(seed, storm_s)
        self.editor = Editor(stage, seed)
        self.troubles: Counter[str] = Counter()
        self.dead: set[str] = set()
        """Digests of the bodies sent that nobody could settle, and that are to be dead letters."""
        self._stage = stage
        self._seed = seed
        self._rng = chance(seed, "troubles")
        self._storm_s = storm_s
        self._is_over = False

    async def rage(self) -> None:
        """Go on for the time set; at its end nothing is frozen any more, and nothing new is done.

        On a machine that is slow to start what was killed, go on until the API was there for half of that time.
        """
        await self.editor.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._strike())
            group.create_task(self._edit())
            group.create_task(self._trouble())
            group.create_task(self._last())

    async def _last(self) -> None:
        loop = asyncio.get_running_loop()
        begun, up_s = loop.time(), 0.0
        while (gone_s := loop.time() - begun) < self._storm_s or up_s < self._storm_s / 2:
            assert gone_s < LONGEST * self._storm_s, "the API does not come back"
            looked = loop.time()
            is_up = await self._stage.is_ready()
            await asyncio.sleep(LOOK_S)
            up_s += (loop.time() - looked) * is_up
        self._is_over = True

    async def calm(self) -> None:
        """Let Clio and the wire behave."""
        self._stage.wire.ordered.clear()
        await self._stage.mock("DELETE", "faults")

    async def _strike(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as group:
            for blow in self.blows:
                await asyncio.sleep(max(0.0, begun + blow.at_s - loop.time()))
                if blow.target == "postgres":
                    begun += await self._await_api()
                if not blow.frozen_s:
                    self.troubles[f"{blow.target} killed"] += self._stage.kill(blow.target)
                else:
                    group.create_task(self._freeze(blow))

    async def _await_api(self) -> float:
        """Give an API that starts a moment, for it is to see PostgreSQL die; return how long that took."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with suppress(TimeoutError):
            await until(self._stage.is_alive, timeout_s=API_PATIENCE_S)
        return loop.time() - begun

    async def _freeze(self, blow: Blow) -> None:
        """Stop a process as a machine does that is out of breath: it wakes up with leases that others hold."""
        child = self._stage.children[blow.target]
        self.troubles[f"{blow.target} frozen"] += child.signal(signal.SIGSTOP)
        await asyncio.sleep(blow.frozen_s)
        child.signal(signal.SIGCONT)

    async def _edit(self) -> None:
        rng = chance(self._seed, "pauses")
        while not self._is_over:
            await self.editor.edit()
            await asyncio.sleep(rng.uniform(*EDIT_PAUSE_S))

    async def _trouble(self) -> None:
        while not self._is_over:
            kind, cause = self._rng.choice(self._causes())
            await cause()
            self.troubles[kind] += 1
            await asyncio.sleep(self._rng.uniform(*TROUBLE_PAUSE_S))

    def _causes(self) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
        rng, stage = self._rng, self._stage
        count = rng.randint(1, 4)
        return [
            ("dropped", lambda: self._astray(action="drop", count=count)),
            ("repeated", lambda: self._astray(action="repeat", count=count, times=rng.randint(2, 4))),
            ("delayed", lambda: self._astray(action="delay", count=count, seconds=rng.uniform(0.5, 6))),
            ("reordered", lambda: self._astray(action="reorder", count=count + 1, seconds=rng.uniform(0.5, 2))),
            ("request torn", lambda: self._tear("request")),
            ("answer torn", lambda: self._tear("answer")),
            ("wire slow", lambda: self._tear("delay")),
            ("clio failed", lambda: self._fail(status=rng.choice((500, 502, 503)), count=count)),
            ("clio lost an answer", lambda: self._fail(status=502, when="after", count=1)),
            ("clio was slow", lambda: self._fail(delay=rng.uniform(0.2, 1.5), count=count)),
            ("token expired", lambda: stage.mock("POST", "tokens/expire", {"client_id": CLIENT_ID})),
            ("nonsense sent", self._send_nonsense),
            ("forged", self._forge),
        ]

    async def _astray(self, **fault: Any) -> None:
        await self._stage.mock("POST", "faults/deliveries", fault)

    async def _fail(self, **fault: Any) -> None:
        await self._stage.mock("POST", "faults/requests", {"prefix": "/api/v4/", **fault})

    async def _tear(self, tear: Any) -> None:
        self._stage.wire.ordered[tear] += 1

    async def _hook(self) -> dict[str, Any]:
        hooks = (await self._stage.mock("GET", "records/webhooks"))["data"]
        found: dict[str, Any] = self._rng.choice(hooks)
        return found

    async def _send_nonsense(self) -> None:
        """Let Clio sign what it never sends: it is to be kept as a dead letter, and to hold nothing up."""
        hook, number = await self._hook(), self._rng.randrange(10**9)
        body = self._rng.choice(
            [
                json.dumps({"data": [number], "meta": None}),
                json.dumps({"data": {"id": number}, "meta": {"event": "exploded"}}),
                f"{number} is no delivery",
            ]
        )
        await self._stage.mock("POST", "deliveries", {"webhook_id": hook["id"], "body": body})
        self.dead.add(hashlib.sha256(body.encode()).hexdigest())

    async def _forge(self) -> None:
        """Send a delivery that Clio never signed; whatever the API answers, it may not be 2xx."""
        hook = await self._hook()
        body = {"data": {"id": self._rng.randrange(10**9)}, "meta": {"event": "deleted"}}
        headers = {"X-Hook-Signature": f"{self._rng.getrandbits(256):064x}"}
        try:
            answer = await self._stage.http.post(hook["url"], json=body, headers=headers, timeout=5)
        except httpx.TransportError:
            return
        assert not answer.is_success, f"a forged delivery was answered {answer.status_code}"
