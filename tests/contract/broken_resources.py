"""Resources with one fault each. The test beside copies this file to where pytest runs it, and reads what it says."""

import dataclasses
import datetime
import itertools
from pathlib import Path
from typing import Any, ClassVar, Literal

from piccolo.columns import Integer, Text

from core.registry import LoadedPlugin
from core.resource import ClioEndpoint, Resource, ToOne
from core.testing.case import installed
from core.testing.contract import ResourceContract
from plugins.users.clio import Group, UserPayload
from plugins.users.tables import User as UserTable

COUNT = itertools.count()
USER = installed().resource("user")


class Broken(ResourceContract):
    """Users with a declaration that is not the plugin's own."""

    resource = "user"
    broken: ClassVar[Resource] = USER

    @classmethod
    def declaration(cls) -> Resource:
        """Return the declaration with the fault."""
        return cls.broken


def _with_payload(payload: type[UserPayload]) -> Resource:
    return dataclasses.replace(USER, endpoint=ClioEndpoint(path="users", payload=payload, page_limit=2000))


class AsksForMore(UserPayload):
    """A field that Clio does not have, and that goes nowhere."""

    shoe_size: int | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the columns without it."""
        return {name: value for name, value in super().to_row().items() if name != "shoe_size"}


class TestAsksForMore(Broken):
    """See above."""

    broken = _with_payload(AsksForMore)


class ClosedList(UserPayload):
    """Words that Clio may add to."""

    subscription_type: Literal["Attorney", "NonAttorney"] | None = None


class TestClosedList(Broken):
    """See above."""

    broken = _with_payload(ClosedList)


class Counting(UserPayload):
    """Another row for the same record."""

    def to_row(self) -> dict[str, Any]:
        """Return the columns, one of them another each time."""
        return super().to_row() | {"name": str(next(COUNT))}


class TestCounting(Broken):
    """See above."""

    broken = _with_payload(Counting)


class Particular(Group):
    """A group that is kept otherwise where it is no pydantic model."""

    def to_json(self) -> dict[str, Any]:
        """Return the group, of which the name shows what it is an instance of."""
        return {"id": self.id, "name": self.name and type(self).__mro__[1].__name__, "type": self.type}


class TwoWays(UserPayload):
    """Groups of that kind."""

    groups: list[Particular] | None = None  # type: ignore[assignment]


class TestTwoWays(Broken):
    """See above."""

    broken = _with_payload(TwoWays)


class Ageless(UserPayload):
    """A clock that is not Clio's."""

    def model_post_init(self, _: Any) -> None:
        """Put the time of reading where Clio's belongs."""
        object.__setattr__(self, "updated_at", datetime.datetime.now(datetime.UTC))


class TestAgeless(Broken):
    """See above."""

    broken = _with_payload(Ageless)


class Wider(UserTable, tablename="users_user"):
    """A column that no migration makes, that nothing fills and no type serves; another that may not be null."""

    shoe_size = Integer(null=True, default=None)
    motto = Text(default="")


class TestWider(Broken):
    """See above."""

    broken = dataclasses.replace(USER, table=Wider)


class TestEdgeOfText(Broken):
    """An edge that follows a column of text, which is in no index."""

    broken = dataclasses.replace(
        USER,
        edges=[ToOne(name="twin", to="User", column="name", description="Of one name.", reverse="twins")],
    )


class TestHalfUndone(Broken):
    """A migration whose way back leaves something behind; the table is another plugin's, by its name."""

    @classmethod
    def plugin(cls) -> LoadedPlugin:
        """Return the plugin with other migrations."""
        folder = Path(__file__).parent / "half_undone"
        folder.mkdir(exist_ok=True)
        (folder / "0001_staff.up.sql").write_text("CREATE TABLE staff (id bigint); CREATE TABLE left_over (id bigint);")
        (folder / "0001_staff.down.sql").write_text("DROP TABLE staff;")
        return dataclasses.replace(super().plugin(), name="staff", migrations=folder)
