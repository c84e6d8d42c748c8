"""What is asked: three queries and one long list, in the words of each server, with the same answer from all."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.graphql.data import FIRM, FIRST_MATTER

WINDOW = 200
"""Pages begin at a random one of the first 200 matters: hot rows, as those that people look at."""

PAGE, LONG_PAGE = 50, 800

_ONE = "clioId displayNumber description status openDate client { clioId name type }"
_PAGE = (
    "clioId displayNumber description status openDate client { clioId name type } responsibleAttorney { clioId name }"
)
_DEEP = "clioId displayNumber status client { clioId name } responsibleAttorney { clioId name }"
_ACTIVITY = "clioId type date quantityInHours total note user { clioId name email }"


@dataclass(frozen=True)
class Case:
    """One query. `first` None asks for one matter by id; else for a page of so many."""

    name: str
    title: str
    fields: str
    first: int | None = None
    activities: bool = False

    def positions(self, size: int, matters: int) -> list[int]:
        """Return where the requests of a run begin: numbers of matters, from 1; the same in every run."""
        source = random.Random(7)  # noqa: S311 - a workload, not a secret
        return [source.randint(1, matters if self.first is None else WINDOW) for _ in range(size)]


Q1 = Case("Q1", "one matter and its client", _ONE)
Q2 = Case("Q2", "50 matters, client, attorney", _PAGE, first=PAGE)
Q3 = Case("Q3", "50 matters, 3 levels", _DEEP, first=PAGE, activities=True)
LIST = Case("list10k", "10,000 objects in one answer", _DEEP, first=LONG_PAGE, activities=True)
CASES = (Q1, Q2, Q3)


class Words:
    """How a server is asked: text and variables. This class has the words of our own schema; peers share them."""

    path = "/graphql"

    def text(self, case: Case) -> str:
        """Return the document of a case."""
        if case.first is None:
            return f"query One($id: ID!) {{ matter(clioId: $id) {{ {case.fields} }} }}"
        nested = f" activities(first: 10) {{ nodes {{ {_ACTIVITY} }} }}" if case.activities else ""
        return (
            f"query Page($first: Int!, $after: String) {{ matters(first: $first, after: $after) "
            f"{{ nodes {{ {case.fields}{nested} }} }} }}"
        )

    def cursors_text(self) -> str | None:
        """Return a document that answers with the cursors of the window; None where a cursor is a plain Clio id."""
        return f"{{ matters(first: {WINDOW}) {{ edges {{ cursor }} }} }}"

    def body(self, case: Case, position: int, cursors: Sequence[str]) -> bytes:
        """Return the body of the request that begins at a position; `cursors[n]` is that of matter n + 1."""
        if case.first is None:
            variables: dict[str, Any] = {"id": str(FIRST_MATTER + position)}
        else:
            variables = {"first": case.first, "after": cursors[position - 1]}
        return json.dumps({"query": self.text(case), "variables": variables}).encode()


class PlainWords(Words):
    """Peers of our own making: our schema, with Clio's id as the cursor."""

    def cursors_text(self) -> None:
        """Return None: the cursor of a matter is its id."""


class PostGraphileWords(Words):
    """PostGraphile derives its schema from the tables: names are aliased, and the firm is a condition."""

    def text(self, case: Case) -> str:
        """Return the document of a case."""
        if case.first is None:
            lookup = f'matterByFirmAndClioId(firm: "{FIRM}", clioId: $id)'
            return f"query One($id: BigInt!) {{ matter: {lookup} {{ {case.fields} }} }}"
        activity = f"activities(first: 10, orderBy: CLIO_ID_ASC) {{ nodes {{ {_ACTIVITY} }} }}"
        return (
            f"query Page($first: Int!, $after: Cursor) {{ matters: {self._list('first: $first, after: $after')} "
            f"{{ nodes {{ {case.fields} {activity if case.activities else ''} }} }} }}"
        )

    def cursors_text(self) -> str:
        """Return a document that answers with the cursors of the window."""
        return f"{{ matters: {self._list(f'first: {WINDOW}')} {{ edges {{ cursor }} }} }}"

    def _list(self, window: str) -> str:
        return f'allMatters({window}, condition: {{ firm: "{FIRM}" }}, orderBy: CLIO_ID_ASC)'
