"""One subscription of one connection: how its events are wrapped, and how it ends."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from schema.live.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a transport wraps a result as JSON text: `before` + result + `after`; `complete` ends the operation."""

    before: str
    after: str
    complete: str


class Subscriber:
    """Takes results and queues them on a connection.

    `ended` is called when the hub ends it, with what is to be told; the transport then forgets the operation.
    """

    __slots__ = ("_ended", "envelope", "gone", "outbox")

    def __init__(self, outbox: Outbox, envelope: Envelope, ended: Callable[["Subscriber"], None]) -> None:
        self.outbox = outbox
        self.envelope = envelope
        self.gone = False
        self._ended = ended

    def next(self, result: str, key: Hashable, frames: dict[str, str], *, granted: bool = False) -> bool:
        """Queue a result; False where the connection has no room. `frames` keeps what others wrapped the same way."""
        if self.gone:
            return True
        envelope = self.envelope
        frame = frames.get(envelope.before)
        if frame is None:
            frame = frames[envelope.before] = envelope.before + result + envelope.after
        return self.outbox.put(frame, self, key, granted=granted) or self.outbox.is_closed

    def end(self, result: str | None = None) -> None:
        """Tell the client that no more comes, after a last result that says why. Ending twice is ending once."""
        if self.gone:
            return
        self.gone = True
        if result is not None:
            self.outbox.put(self.envelope.before + result + self.envelope.after, granted=True)
        self.outbox.put(self.envelope.complete, granted=True)
        self._ended(self)

    def leave(self) -> None:
        """Forget what still waits: the client wants no more."""
        self.gone = True
        self.outbox.discard(self)
