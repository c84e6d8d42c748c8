"""What a contract is told about a resource, and which of its tests apply."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from core.loading import load_plugins
from core.registry import LoadedPlugin, Registry
from core.resource import Resource
from core.testing.driving import Control
from core.testing.payloads import filling

Body = Mapping[str, Any]
Ids = Mapping[str, Sequence[int]]
"""The ids of the mock's records, by path: `ids["matters"][0]`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Declared:
    """A collection that the mock does not build in, in the notation of `mock_clio.tables.declare`.

    `scalars` are `name:kind`, `associations` `name:Target` with `=key` where a body may set it, both separated by
    spaces; `id`, `etag`, `created_at` and `updated_at` are among the scalars. `model` is the webhook model that fires.
    """

    path: str
    schema: str
    scalars: str
    associations: str = ""
    permission: str | None = None
    model: str | None = None
    filters: str = ""
    orders: Sequence[str] = ("id",)


class Case:
    """A resource, and how a record of it is made and changed at Clio.

    `resource` is its name in the registry. `creates` is the body of a POST that Clio takes, or a function of the mock's
    ids that returns one; None where Clio lets nobody create such a record. `changes` is the body of a PATCH that
    changes a field the mirror keeps; None where nobody can.
    """

    resource: ClassVar[str]
    declared: ClassVar[Declared | None] = None
    creates: ClassVar[Body | Callable[[Ids], Body] | None] = None
    changes: ClassVar[Body | None] = None

    async def example(self, control: Control) -> dict[str, Any]:
        """Return the body by which a record is created. Override it where that takes other records first."""
        creates = type(self).creates
        if callable(creates):
            return dict(creates(await known_ids(control)))
        return dict(creates or {})

    def filled(self, column: str, value: Any) -> dict[str, Any] | None:
        """Return the fields of a record, as Clio sends them, that put a value into a column; None where none does.

        Tries one field after the other. Override it for a column that several fields make together.
        """
        return filling(type(self).declaration().endpoint.payload, column, value)

    @classmethod
    def declaration(cls) -> Resource:
        """Return the resource.

        Raises:
            NotFound: no plugin that is installed declares it; the message lists those there are.
        """
        return installed().resource(cls.resource)

    @classmethod
    def plugin(cls) -> LoadedPlugin:
        """Return the plugin that declares the resource."""
        return next(
            plugin for plugin in installed().plugins if cls.resource in [each.name for each in plugin.resources]
        )

    @classmethod
    def can_create(cls) -> bool:
        """Whether a record can be created at Clio."""
        return cls.creates is not None or cls.example is not Case.example


@lru_cache(maxsize=1)
def installed() -> Registry:
    """Return the plugins that are installed; loaded once, when the first contract is collected."""
    return load_plugins()


async def known_ids(control: Control) -> dict[str, list[int]]:
    """Return the ids of every record of the mock, by path; one request per collection."""
    counts = (await control.call("GET", "counts"))["counts"]
    return {path: sorted(await control.records(path, fields="id")) for path in counts}


Test = TypeVar("Test", bound=Callable[..., Any])


def only_where(holds: Callable[[type[Case]], bool]) -> Callable[[Test], Test]:
    """Let a test of the contract be collected only for the resources of which something holds."""

    def mark(test: Test) -> Test:
        vars(test)["only_where"] = holds
        return test

    return mark


def applies(test: object, case: type[Case]) -> bool:
    """Whether a test of the contract applies to a case."""
    holds: Callable[[type[Case]], bool] = getattr(test, "only_where", lambda _: True)
    return holds(case)
