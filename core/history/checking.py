"""Checks a chain link by link, wherever it comes from: the database or an exported file. Bounded memory, no I/O."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from core.history.chain import NOTHING_BEFORE, Head, Purge, Seal
from core.history.keys import SealKeys

Flaw: TypeAlias = Literal[
    "altered_row",
    "missing_row",
    "inserted_row",
    "altered_seal",
    "missing_seal",
    "broken_link",
    "broken_mac",
    "unknown_key",
]
"""What can be wrong with a link; docs/history.md says what each means."""

KEPT = 1_000
"""So many breaks are kept of a firm; all are counted."""


@dataclass(frozen=True)
class Break:
    """Something wrong at a link of a firm's chain; `number` is 0 where it is at none."""

    firm: int
    number: int
    flaw: Flaw
    detail: str


@dataclass(frozen=True)
class Content:
    """The changes that lie where a link says: how many there are, and their digest."""

    changes: int
    digest: bytes


@dataclass(frozen=True)
class Expected:
    """A head that was noted elsewhere."""

    firm: int
    number: int
    hash: bytes


@dataclass
class Checker:
    """The chain of one firm as it is read, from its oldest link on.

    `purge` is what the latest purge of the chain says; `keys` may be None, and then no code is checked. `after`, if it
    is given, is the link to begin after.
    """

    firm: int
    keys: SealKeys | None
    purge: Purge | None = None
    expected: tuple[Expected, ...] = ()
    after: Head | None = None
    changes: int = 0
    links: int = 0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list)
    head: Head = field(default_factory=Head)
    _unvouched: list[Break] = field(default_factory=list)
    _told: Purge | None = None

    def __post_init__(self) -> None:
        """Begin where the purge says that the chain does, unless told where."""
        if self.after is not None:
            self.head = self.after
        elif self.purge is not None:
            self.head = Head(self.purge.through, NOTHING_BEFORE, self.purge.until)

    def take(self, seal: Seal, content: Content | None) -> None:
        """Check the next link; `content` is what is there of a link that seals changes."""
        link, number = seal.link, seal.link.number
        if number != self.head.number + 1:
            gone = f"the links {self.head.number + 1} to {number - 1} are not there"
            self._broken(number, "missing_seal", gone)
        elif not self._follows(link.previous):
            self._broken(number, "broken_link", "it does not hold the hash of the link before it")
        if link.computed_hash != seal.hash or link.firm != self.firm:
            self._broken(number, "altered_seal", "its fields are not those that were hashed")
        self._check_code(seal)
        if content is not None:
            self._check_content(seal, content)
        for each in self.expected:
            if each.number == number and each.hash != seal.hash:
                self._broken(number, "altered_seal", "its hash is not the one that was noted")
        if link.purge is not None:
            self._told = link.purge
        self.links += 1
        self.head = Head(number, seal.hash, link.until)

    def end(self, unsealed_below: int = 0) -> None:
        """Check what only shows at the end. `unsealed_below`: changes in no link that a sealer has passed."""
        if unsealed_below:
            self._broken(
                0,
                "missing_seal",
                f"{unsealed_below} changes are in no link, and should be: links after {self.head.number} were removed,"
                " or changes inserted",
            )
        for each in self.expected:
            if each.number > self.head.number:
                gone = f"the chain ends at {self.head.number}, and had come to {each.number} when that was noted"
                self._broken(each.number, "missing_seal", gone)
        if self.after is None and self.purge != self._told:
            self._broken(0, "missing_seal", "the purge that the chain is said to begin after is not in it")
        for unvouched in self._unvouched:
            self._keep(unvouched)

    def _follows(self, previous: bytes) -> bool:
        # After a purge, the hash of the link before the first is known no more; the code of the first stands for it.
        is_first = self.links == 0 and self.after is None and self.purge is not None
        return is_first or previous == self.head.hash

    def _check_code(self, seal: Seal) -> None:
        if self.keys is None:
            return
        if not self.keys.knows(seal.key_id):
            text = f"key {seal.key_id!r} is not in ENCRYPTION_KEYS, and no later link is made with one that is"
            self._unvouched.append(Break(self.firm, seal.link.number, "unknown_key", text))
            del self._unvouched[1:-1]
        elif self.keys.holds(seal.key_id, seal.hash, seal.mac):
            self._unvouched.clear()
        else:
            self._broken(seal.link.number, "broken_mac", "its code was not made by this service")

    def _check_content(self, seal: Seal, content: Content) -> None:
        sealed, number = seal.link.changes, seal.link.number
        self.changes += content.changes
        if content.changes < sealed:
            self._broken(number, "missing_row", f"{sealed - content.changes} of {sealed} changes are gone")
        elif content.changes > sealed:
            self._broken(number, "inserted_row", f"{content.changes - sealed} changes more than the {sealed} sealed")
        elif content.digest != seal.link.digest:
            self._broken(number, "altered_row", f"the {sealed} changes are not those that were sealed")

    def _broken(self, number: int, flaw: Flaw, detail: str) -> None:
        self._keep(Break(self.firm, number, flaw, detail))

    def _keep(self, found: Break) -> None:
        self.broken += 1
        if len(self.breaks) < KEPT:
            self.breaks.append(found)


@dataclass(frozen=True)
class Verdict:
    """What came of checking one firm's chain. `unsealed`: changes that no sealer has come to yet."""

    firm: int
    number: int
    hash: bytes
    links: int
    changes: int
    unsealed: int
    broken: int
    breaks: tuple[Break, ...]

    @classmethod
    def of(cls, checker: Checker, *, unsealed: int) -> "Verdict":
        """Return the verdict of a checker that has seen the end."""
        head = checker.head
        breaks = tuple(sorted(checker.breaks, key=lambda each: each.number))
        return cls(
            checker.firm, head.number, head.hash, checker.links, checker.changes, unsealed, checker.broken, breaks
        )

    def as_json(self) -> dict[str, object]:
        """Return it as JSON tells it; a firm without a link has neither number nor hash."""
        return {
            "firm": self.firm,
            "head": {"number": self.number, "hash": self.hash.hex()} if self.number else None,
            "links": self.links,
            "changes": self.changes,
            "unsealed": self.unsealed,
            "broken": self.broken,
            "breaks": [dataclasses.asdict(each) for each in self.breaks],
        }
