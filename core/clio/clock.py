"""Clio's clock, as far as its answers tell: what expires there, and what changed since when, goes by that one."""

import datetime
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

NOISE = datetime.timedelta(seconds=2)
"""A difference moves by more than this or not at all: `Date` is cut to whole seconds, and an answer takes its time."""


class ClioClock:
    """How far Clio's clock is from ours, by the `Date` of its latest answer to each firm. Source: RFC 9110, 6.6.1."""

    def __init__(self) -> None:
        self._ahead: dict[int, datetime.timedelta] = {}

    def observe(self, firm: int, headers: Mapping[str, str]) -> None:
        """Take the time from an answer; one without a readable `Date` tells nothing."""
        try:
            told = parsedate_to_datetime(headers.get("date", ""))
        except ValueError:
            return
        if told.tzinfo is None:
            return
        ahead = told - datetime.datetime.now(datetime.UTC)
        if abs(ahead - self.ahead(firm)) > NOISE:
            self._ahead[firm] = ahead
        self._ahead.setdefault(firm, datetime.timedelta())

    def has_told(self, firm: int) -> bool:
        """Whether Clio has answered this process for a firm."""
        return firm in self._ahead

    def ahead(self, firm: int) -> datetime.timedelta:
        """Return how far Clio is ahead of us, negative where it is behind; nothing until it has answered."""
        return self._ahead.get(firm, datetime.timedelta())
