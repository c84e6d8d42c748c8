"""Verifies an exported history from its file alone: the lines are hashed as they stand, and no database is asked.

The codes of the links are checked where ENCRYPTION_KEYS is at hand; without it a chain made anew would not show.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import BadInput
from core.history.chain import Position, Purge, Seal
from core.history.checking import Checker, Content, Expected, Verdict
from core.history.keys import SealKeys


@dataclass
class _Reading:
    """The changes since the last link."""

    checker: Checker
    changes: int = 0
    all_changes: int = 0
    last: Position | None = None
    digest: Any = field(default_factory=hashlib.sha256)

    def take_change(self, line: bytes, fields: Mapping[str, Any], number: int) -> None:
        position = (int(fields["committed_in"]), int(fields["id"]))
        if fields["firm"] != self.checker.firm or (self.last is not None and position <= self.last):
            raise BadInput(f"line {number} is out of order, or of another firm")
        self.last = position
        self.changes += 1
        self.all_changes += 1
        self.digest.update(hashlib.sha256(line).digest())

    def take_seal(self, fields: Mapping[str, Any]) -> None:
        seal = Seal.parsed(fields)
        if seal.link.kind != "changes":
            self.checker.take(seal, None)
            return
        self.checker.take(seal, Content(self.changes, self.digest.digest()))
        self.changes, self.digest = 0, hashlib.sha256()


def verify_lines(lines: Iterable[bytes], *, keys: SealKeys | None, expected: Sequence[Expected] = ()) -> Verdict:
    """Check the lines of a whole export, with or without their line ends. Bounded memory.

    Raises:
        BadInput: it is no whole export, a line cannot be read, or it was cut off.
    """
    numbered = enumerate(lines, start=1)
    reading = _begun(next(numbered, (1, b""))[1], keys, expected)
    end: Mapping[str, Any] | None = None
    for number, line in numbered:
        if end is not None:
            raise BadInput(f"line {number} follows the end: the file was added to")
        try:
            fields = json.loads(line)
            match fields["type"]:
                case "change":
                    reading.take_change(line.rstrip(b"\r\n"), fields, number)
                case "seal":
                    reading.take_seal(fields)
                case "end":
                    end = fields
                case other:
                    raise BadInput(f"line {number} is of a kind that no export has: {str(other)[:20]!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"line {number} is not one of an export") from error
    checker = reading.checker
    if end is None or (end.get("changes"), end.get("links")) != (reading.all_changes, checker.links):
        raise BadInput("the end of the file is not there, or counts other lines: it was cut off or altered")
    checker.end()
    return Verdict.of(checker, unsealed=reading.changes)


def _begun(line: bytes, keys: SealKeys | None, expected: Sequence[Expected]) -> _Reading:
    try:
        first = json.loads(line)
        if first["type"] != "export" or first["version"] != 1:
            raise BadInput("the file is not an export of history that this version reads")
        if not first["whole"]:
            raise BadInput("the export leaves changes out: only a whole one, of --firm alone, can be verified")
        purge = None
        if first.get("purged_through") is not None:
            purge = Purge(through=first["purged_through"], until=(first["purged_committed_in"], first["purged_id"]))
        firm = int(first["firm"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("the file is not an export of history") from error
    if others := {each.firm for each in expected} - {firm}:
        raise BadInput(f"the file is of firm {firm}, and a head of firm {min(others)} is expected")
    return _Reading(Checker(firm, keys, purge, tuple(each for each in expected if each.firm == firm)))
