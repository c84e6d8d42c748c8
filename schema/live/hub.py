"""The hub: every live connection of one process, and one feed for each topic that is watched."""

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator

from graphql import DocumentNode, GraphQLError

from core.auth.principal import Principal
from core.errors import ServiceError
from schema.execution import GraphQLRequest, Operations
from schema.live.feed import Feed
from schema.live.selection import Refused, check_scope, select, subscription_in
from schema.live.subscribers import Subscriber
from schema.live.topics import Topic

GOODBYE_S = 1.0
"""How long connections may take to send their farewell when the process stops."""

RETRY_S = (1, 8)
"""When clients should come back after a restart: spread, so that they do not all come at once."""


def retry_s() -> int:
    """Return after how many seconds one client should come back."""
    return random.randint(*RETRY_S)  # noqa: S311 - spreading clients out needs no secrecy


class Hub:
    """Made with the schema; nothing runs until somebody subscribes."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._schema = operations.schema
        self._services = operations.services
        self._feeds: dict[Topic, Feed] = {}
        self._feed_of: dict[Subscriber, Feed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._connections: dict[Callable[[], None], None] = {}
        self._nobody = asyncio.Event()
        self.is_stopping = False

    def __len__(self) -> int:
        return len(self._feed_of)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def feeds(self) -> dict[str, Feed]:
        """The topics that are watched."""
        return {topic.name: feed for topic, feed in self._feeds.items()}

    def is_subscription(self, request: GraphQLRequest) -> bool:
        """Tell whether a request is a subscription.

        Raises:
            Refused: it looks like one, and its document cannot be used.
        """
        if request.query is not None and "subscription" not in request.query:
            return False
        text = self._text(request)
        return "subscription" in text and subscription_in(self._document(text), request.operation_name) is not None

    async def subscribe(self, request: GraphQLRequest, principal: Principal, subscriber: Subscriber) -> None:
        """Let a subscriber watch what its request asks for; results go to its outbox from now on.

        Raises:
            Refused: it may not, or cannot.
        """
        check_scope(principal)
        asked = dataclasses.replace(request, query=self._text(request))
        document = self._document(asked.query or "")
        selection = await select(self._schema, self._services, document, asked, principal)
        topic = selection.watch.topic
        feed = self._feeds.get(topic)
        if feed is None:
            feed = self._feeds[topic] = Feed(topic, self._services)
        self._feed_of[subscriber] = feed
        feed.join(selection, subscriber)

    def _text(self, request: GraphQLRequest) -> str:
        try:
            return self._operations.text_of(request) or ""
        except ServiceError as error:
            raise Refused([GraphQLError(str(error), original_error=error)]) from error

    def _document(self, text: str) -> DocumentNode:
        try:
            document = self._schema.documents.read(text)
        except GraphQLError as error:
            raise Refused([error]) from error
        except RecursionError as error:
            raise Refused([GraphQLError(str(error), original_error=error)]) from error
        if document.errors:
            raise Refused(document.errors)
        return document.node

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber, and stop what nobody watches any more."""
        feed = self._feed_of.pop(subscriber, None)
        if feed is None:
            return
        feed.remove(subscriber)
        if not feed:
            del self._feeds[feed.topic]
            closing = asyncio.create_task(feed.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    @contextlib.contextmanager
    def connected(self, stop: Callable[[], None]) -> Iterator[None]:
        """Count a connection in; `stop` is called when the process stops, and must not wait."""
        self._connections[stop] = None
        self._nobody.clear()
        try:
            yield
        finally:
            del self._connections[stop]
            if not self._connections:
                self._nobody.set()

    async def close(self) -> None:
        """Tell every connection to end, wait a moment for that, and stop listening. New ones are refused."""
        self.is_stopping = True
        for stop in list(self._connections):
            stop()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._nobody.wait()
        for subscriber in list(self._feed_of):
            self.leave(subscriber)
        if self._closing:
            await asyncio.wait(self._closing)
