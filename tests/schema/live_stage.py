"""A stage for the hub alone: topics of the test's own, served like the service, fed by the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any

import strawberry
from litestar.types import Receive, Scope, Send

from core.errors import BadInput
from core.process import QuietServer, listen, server_config
from core.services import Services
from core.testing.api import Api
from schema.context import Info
from schema.execution import Operations
from schema.live.hub import Hub
from schema.live.topics import MOST_READ, Event, Topic, Watch
from schema.sockets import GraphQLSockets

CHANNEL = "test:ticks"


class Ticks:
    """A source in memory: what is put into `waiting` is what moved; what was read is told to who comes later."""

    def __init__(self) -> None:
        self.waiting: list[Event] = []
        self.told: list[Event] = []
        self.trouble: Exception | None = None

    async def read(self) -> Sequence[Event]:
        if self.trouble is not None:
            raise self.trouble
        moved, self.waiting = self.waiting[:MOST_READ], self.waiting[MOST_READ:]
        self.told += moved
        return moved

    async def before(self, watch: Watch) -> Sequence[Event]:
        after = -1 if watch.start is None else watch.start
        if after == Stage.forgotten:
            raise BadInput("the cursor is too old: read the list first")
        return [
            event
            for event in self.told
            if (watch.firms is None or event.firm in watch.firms) and event.value.number > after
        ]


@strawberry.type
class Tick:
    """What the topics tell; `executed` counts how often a field was resolved, over all ticks."""

    firm: int
    number: int
    text: str

    @strawberry.field
    def executed(self) -> int:
        Stage.executions += 1
        return Stage.executions

    @strawberry.field
    async def slow(self) -> bool:
        await Stage.gate.wait()
        return True

    @strawberry.field
    def broken(self) -> int | None:
        raise RuntimeError("a secret text")


class Stage:
    """The hub under test, its two topics and its address."""

    executions = 0
    forgotten = -99
    gate: asyncio.Event

    def __init__(self, services: Services) -> None:
        self.services = services
        self.sources: dict[str, Ticks] = {"states": Ticks(), "changes": Ticks()}
        self.topics = {name: self._topic(name) for name in self.sources}
        schema = strawberry.Schema(Query, subscription=self._subscription())
        self.hub = Hub(schema, services)
        self.sockets = GraphQLSockets(Operations(schema, services), self.hub)
        self.url = ""
        Stage.gate = asyncio.Event()
        Stage.gate.set()

    def _topic(self, name: str) -> Topic:
        return Topic(
            name=name,
            channel=CHANNEL,
            open=lambda _services: self.sources[name],
            latest_only=name == "states",
            how_to_go_on="subscribe again" if name == "states" else "resume after the last number",
            matches=lambda only, event: only is None or event.value.text == only,
            gather_s=0.0,
            look_again_s=0.01,
        )

    def _subscription(self) -> type[Any]:
        def states(info: Info, firm: int | None = None, text: str | None = None) -> AsyncIterable[Tick]:
            return Watch(self.topics["states"], info.context.principal.allowed_firms(firm), only=text)

        def changes(info: Info, after: int | None = None) -> AsyncIterable[Tick]:
            return Watch(self.topics["changes"], info.context.principal.firms, start=after)

        @strawberry.type
        class Subscription:
            states_: AsyncIterable[Tick] = strawberry.subscription(resolver=states, name="states")
            changes_: AsyncIterable[Tick] = strawberry.subscription(resolver=changes, name="changes")

        return Subscription

    def tell(self, topic: str, *, firm: int, number: int, key: Any = None, text: str = "") -> None:
        """Let something move; it is read within 10 ms."""
        key = number if key is None else key
        self.sources[topic].waiting.append(Event(firm, key, Tick(firm=firm, number=number, text=text)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve sockets, and whatever a server asks at its start and end."""
        if scope["type"] == "websocket":  # type: ignore[comparison-overlap]  # an enum that is its text
            await self.sockets(scope, receive, send)
            return
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})  # type: ignore[typeddict-item]


@strawberry.type
class Query:
    """A schema must have one."""

    one: int = 1


@contextlib.asynccontextmanager
async def staged(api: Api) -> AsyncIterator[tuple[Stage, Api]]:
    """Serve the stage with the services of an API; yield it, and a client."""
    stage = Stage(api.services)
    with listen("127.0.0.1", 0, setting="PORT") as listener:
        server = QuietServer(server_config(stage, graceful_s=2))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        try:
            yield stage, Api(api.services, f"http://127.0.0.1:{listener.getsockname()[1]}/graphql", api.http)
        finally:
            await stage.hub.close()
            server.should_exit = True
            await running
