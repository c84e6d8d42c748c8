"""Payload models that say more than a struct can, and one whose nested class has more than fields."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, ConfigDict, Field, field_validator

from core.resource import ClioPayload, Nested


class Validated(ClioPayload):
    """A rule of its own."""

    note: str | None = None

    @field_validator("note")
    @classmethod
    def _trim(cls, value: str | None) -> str | None:
        return value and value.strip()


class Configured(ClioPayload):
    """Another configuration."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class OfTwoNames(ClioPayload):
    """A field that Clio may call otherwise."""

    note: str | None = Field(default=None, validation_alias=AliasChoices("note", "notes"))


class Bounded(ClioPayload):
    """A number with a bound."""

    count: Annotated[int, Field(ge=0)] | None = None


class Filled(ClioPayload):
    """Something where Clio sends nothing."""

    note: str | None = "none"


class Needed(ClioPayload):
    """Something that Clio has to send."""

    note: str | None


class NeverNull(ClioPayload):
    """Something that Clio may leave out, and not send as null."""

    note: str = None  # type: ignore[assignment]


class NamedByText(ClioPayload):
    """Another kind of id."""

    id: str  # type: ignore[assignment]


class OfTwoKinds(ClioPayload):
    """A number or text."""

    note: int | str | None = None


class OwnRow(ClioPayload):
    """A row made by hand."""

    def to_row(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


class WantsModel(Nested):
    """What is kept is asked of pydantic."""

    id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what pydantic has."""
        return self.model_dump()


class WantsDecimal(Nested):
    """What is kept depends on how a number is held."""

    rate: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the number as text."""
        return {"rate": str(self.rate)}


class LooksAtItself(Nested):
    """What is kept depends on what it is an instance of."""

    id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return whether it is a model."""
        return {"is_model": isinstance(self, Nested)}


class CallsSuper(Nested):
    """What is kept is what is kept of any, once there is something."""

    id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record, where it has an id."""
        return super().to_json() if self.id else {"id": None}


class HoldsOneThatCalls(ClioPayload):
    """Holds such a record."""

    inner: CallsSuper | None = None


class Worded(Nested):
    """What is kept takes a constant and a property of the class."""

    WORDS: ClassVar = {1: "one"}

    id: int | None = None

    @property
    def word(self) -> str:
        """The id as a word."""
        return str(self.WORDS.get(self.id or 0))

    def to_json(self) -> dict[str, Any]:
        """Return the word, where there is an id."""
        return {"word": self.word if self.id else None}


class HoldsWorded(ClioPayload):
    """Holds such a record."""

    inner: Worded | None = None


class HoldsOneThatLooks(ClioPayload):
    """Holds such a record."""

    inner: list[LooksAtItself] | None = None


class Crossed(ClioPayload):
    """A column that is called as another field."""

    renamed: ClassVar = {"code": "note"}

    code: str | None = None
    note: str | None = None


class HoldsModel(ClioPayload):
    """Holds such a record."""

    inner: WantsModel | None = None


class HoldsDecimal(ClioPayload):
    """Holds such a record."""

    inner: list[WantsDecimal] | None = None
