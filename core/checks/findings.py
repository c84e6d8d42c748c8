"""What a check finds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something a plugin's author has to change: the thing, what is wrong with it, and the next step."""

    thing: str
    wrong: str
    step: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that works and costs more than it could."""

    thing: str
    text: str
