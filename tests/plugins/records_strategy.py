"""Records as Clio might send them: for every field that a resource asks for, any value of its kind in Clio's tables.

Values are drawn by hypothesis, a handful of each kind; which record has which is left to a seed, so that a page of many
records costs few draws. Any field may be null or missing, a word may be one that no enum has, a number may come as text
and text as a number, an associated record may be redacted, and fields come that nobody asked for.
"""

import datetime
import random
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from core.resource import Resource
from core.webhooks.completeness import parse_selection
from mock_clio.tables.catalog import SCHEMAS
from mock_clio.tables.declare import Field, Kind, Schema

Record = dict[str, Any]
Pools = Mapping[Kind, list[Any]]

PAGE = 25
"""Records in a page."""

ABSENT, REDACTED, NUMBER_FOR_TEXT = 0.2, 0.1, 0.05
"""How often a field is null or missing, a nested record is redacted, and text comes as a number."""

_AMOUNTS = st.decimals(-(10**9), 10**9, places=4).map(float)
_MOMENTS = st.datetimes(
    datetime.datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is drawn
    datetime.datetime(2090, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.integers(-14 * 60, 14 * 60).map(
        lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
    ),
)

VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.I64: st.integers(-(2**63), 2**63 - 1),
    Kind.I32: st.integers(-(2**31), 2**31 - 1),
    Kind.F64: st.one_of(_AMOUNTS, st.integers(-(10**9), 10**9), _AMOUNTS.map(str)),
    Kind.F32: st.one_of(_AMOUNTS, _AMOUNTS.map(str)),
    Kind.STR: st.text(max_size=12),
    Kind.BOOL: st.booleans(),
    Kind.DATE: st.dates().map(datetime.date.isoformat),
    Kind.DATETIME: _MOMENTS.map(lambda moment: moment.isoformat(timespec="seconds")),
    Kind.OBJ: st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    Kind.STRINGS: st.lists(st.text(max_size=12), max_size=3),
}


@st.composite
def records(draw: st.DrawFn, resource: Resource) -> list[Record]:
    """Draw a page of records of a resource, each with an id of its own."""
    pools = {kind: draw(st.lists(values, min_size=2, max_size=6)) for kind, values in VALUES.items()}
    numbers = draw(st.lists(st.integers(1, 2**63 - 1), min_size=PAGE, max_size=PAGE, unique=True))
    maker = _Maker(resource, pools, random.Random(draw(st.integers(0, 2**32))))  # noqa: S311 - no secret
    return [maker.record(number) for number in numbers]


class _Maker:
    """Puts records together from drawn values."""

    def __init__(self, resource: Resource, pools: Pools, rng: random.Random) -> None:
        self._schema = SCHEMAS[resource.type_name]
        self._selection = parse_selection(resource.endpoint.fields)
        self._whole = {each.resource.type_name for each in resource.embeds}
        self._pools = pools
        self._rng = rng

    def record(self, number: int) -> Record:
        """Return one record of the resource."""
        made = {name: self._value(self._schema, name, nested) for name, nested in self._selection}
        made = {name: value for name, value in made.items() if value is not None or self._rng.random() < 0.5}
        return made | {"id": number, "unheard_of": self._pick(Kind.OBJ), "redacted": False}

    def _value(self, schema: Schema, name: str, nested: tuple[str, ...]) -> Any:
        """Return what one field holds; `nested` is what was asked of an association, empty for a bare one."""
        if name in schema.fields and not nested:
            return None if self._rng.random() < ABSENT else self._scalar(schema.fields[name])
        association = schema.associations[name]
        target = SCHEMAS[association.target]
        wanted = nested or tuple(each for each in ("id", "etag") if each in target.fields)
        if association.many:
            return (
                None
                if self._rng.random() < ABSENT
                else [self._nested(target, wanted) for _ in range(self._rng.randrange(4))]
            )
        return None if self._rng.random() < ABSENT else self._nested(target, wanted)

    def _nested(self, target: Schema, wanted: tuple[str, ...]) -> Record:
        """Return a record inside another. One that takes a permission to read may be redacted; any other has its id."""
        if target.permission is not None and target.name not in self._whole and self._rng.random() < REDACTED:
            return {"redacted": True, **dict.fromkeys(wanted)}
        made = {name: self._value(target, name, ()) for name in wanted}
        if "id" in wanted and target.fields["id"].kind is Kind.I64:
            made["id"] = self._rng.randrange(1, 2**63)
        return made | {"unheard_of": self._pick(Kind.STR)}

    def _scalar(self, field: Field) -> Any:
        if field.enum and self._rng.random() < 0.7:
            return self._rng.choice(field.enum)
        if field.kind is Kind.STR and self._rng.random() < NUMBER_FOR_TEXT:
            return self._pick(Kind.I32)
        return self._pick(field.kind)

    def _pick(self, kind: Kind) -> Any:
        return self._rng.choice(self._pools[kind])
