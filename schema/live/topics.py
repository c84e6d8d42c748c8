"""What can be watched: a topic, where its events come from, and what one subscriber asks of it.

A new topic is a `Topic`, a `Source`, and a subscription field whose resolver returns a `Watch`; `schema.subscriptions`
has the example. Everything else is the hub's: one source per process and topic, however many subscribers there are;
firms compared for each event; each event executed and serialised once for all who ask the same; queues with bounds.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import ServiceError
from core.services import Services

MOST_READ = 250
"""How many events one reading returns of a topic of which each counts."""


class SubscriberTooSlow(ServiceError):
    """A subscriber does not take its events as fast as they come; its subscription ends, and nothing was left out."""

    code = "SUBSCRIBER_TOO_SLOW"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that moved. `value` is what the subscription field resolves to.

    Only subscribers of the firm are told; where it is None all are, and the topic's `view` keeps firms apart. `key`
    says what moved: where a topic keeps the latest only, a newer event takes the place of an older one of the same key
    that still waits.
    """

    firm: int | None
    key: Hashable
    value: Any


@dataclass(frozen=True)
class Watch:
    """What a subscription asks for; returned by the resolver of its field, which has checked the arguments.

    `firms` None is every firm. `only` narrows the topic's events (see `Topic.matches`); `start` is where the subscriber
    wants to begin (see `Source.before`), and keeps nobody from sharing the executions of the others.
    """

    topic: "Topic"
    firms: frozenset[int] | None
    only: Hashable = None
    start: Hashable = None

    def __aiter__(self) -> AsyncIterator[Any]:
        """Refuse: graphql-core wants a source of events, and the events are the hub's to hand out."""
        raise ServiceError("a subscription is served by the hub")


class Source(Protocol):
    """Where a topic's events come from; opened with the first subscriber of the process, dropped with the last.

    The hub calls one method at a time. What `read` raises of a database that is away (`schema.live.feed.UNAVAILABLE`)
    passes: those who wait to begin are told, everyone else waits until a later call succeeds.
    """

    async def read(self) -> Sequence[Event]:
        """Return what moved since the last call, for all firms, oldest first. One statement.

        The first call finds out where to begin: what it returns reaches nobody yet. Where each event counts at most
        MOST_READ are returned; while there are so many the next call follows after `gather_s`, the pace of a burst.
        """
        ...

    async def before(self, watch: Watch) -> Sequence[Event]:
        """Return what a new subscriber is told first: what it is to see of all up to the latest `read`, or nothing.

        It is all kept in memory until it is sent: raise rather than return more than a few thousand.

        Raises:
            ServiceError: it cannot begin where it wants; the client sees the code.
        """
        ...


def _any(only: Hashable, event: Event) -> bool:  # noqa: ARG001 - the signature is `Topic.matches`
    return True


def _all(watch: Watch, value: Any) -> Any:  # noqa: ARG001 - the signature is `Topic.view`
    return value


@dataclass(frozen=True, kw_only=True, eq=False)
class Topic:
    """One kind of event.

    `channel` is the Redis channel on which writers hint that something moved; what it was, the rows say. Hints that
    come within `gather_s` of a reading wait for one more; without any the source is read every `look_again_s`, for
    hints get lost.

    `latest_only` is for states (a run, a metric): a reader who lags gets the latest of each key. Otherwise every event
    counts: nothing is left out. Either way a queue that is full ends the subscription with SUBSCRIBER_TOO_SLOW, which
    says `how_to_go_on`.

    `view` makes what a watch may see of an event's value; it is called once for all who share an execution.
    """

    name: str
    channel: str
    open: Callable[[Services], Source]
    latest_only: bool
    how_to_go_on: str
    matches: Callable[[Hashable, Event], bool] = _any
    view: Callable[[Watch, Any], Any] = _all
    gather_s: float = 0.05
    look_again_s: float = 2.0
