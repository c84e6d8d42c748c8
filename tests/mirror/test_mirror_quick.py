"""A page read by structs has the lines that the payload models give, and what no struct takes is read by pydantic."""

import dataclasses
import datetime
import json
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from core.errors import ClioUnexpectedAnswer
from core.loading import load_plugins
from core.mirror.lines import encode_records
from core.mirror.quick import Beyond, made, quick_reader
from core.mirror.writer import PART, check_records, validate_records
from core.resource import ClioPayload, Nested, Part, Reference, Resource, WhereUnfit
from core.testing.comparing import unlike_lines
from core.testing.payloads import records_of
from tests.mirror.quick_models import (
    Bounded,
    Configured,
    Crossed,
    Filled,
    HoldsDecimal,
    HoldsModel,
    HoldsOneThatCalls,
    HoldsOneThatLooks,
    HoldsWorded,
    NamedByText,
    Needed,
    NeverNull,
    OfTwoKinds,
    OfTwoNames,
    OwnRow,
    Validated,
)
from tests.mirror.scene import contact

REGISTRY = load_plugins()
CONTACT = REGISTRY.resource("contact")
QUICK = [resource for resource in REGISTRY.resources if quick_reader(resource) is not None]

DAYS = ["2024-02-29", "2024-02-30", "2024-01-01T00:00:00", "2024-01-01T09:30:00.25+02:00", "9999-12-31T23:59:60Z"]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*DAYS, "1", "1.50", "NaN", "true", "24:00", "", "\0", "Ada"]),
    st.sampled_from([[], {}, [1], ["a"], [{}], {"id": 1}, {"id": "1"}, {"id": True}, [{"id": 5, "value": 1.0}]]),
)


def as_payload(payload: type[ClioPayload]) -> Resource:
    return dataclasses.replace(CONTACT, endpoint=dataclasses.replace(CONTACT.endpoint, payload=payload))


def test_the_resources_that_fill_a_firm_are_read_quickly() -> None:
    assert {each.name for each in REGISTRY.resources} - {each.name for each in QUICK} == {
        "document",  # which has a version inside
        "document_version",  # whose number has a rule of its own
    }


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_a_struct_takes_pydantic_takes_to_the_same_line(data: st.DataObject) -> None:
    resource = data.draw(st.sampled_from(QUICK))
    names = [*resource.endpoint.payload.model_fields, *resource.columns, "redacted"]
    odd = {name: data.draw(ODD, name) for name in data.draw(st.lists(st.sampled_from(names), max_size=2))}
    record = {**data.draw(records_of(resource)), "id": 7, **odd}
    quick = quick_reader(resource)
    read = None if quick is None else quick.read([record])
    if read is not None:
        [payload] = validate_records(resource, [record])
        assert read[0] == [payload.id]
        assert unlike_lines(read[1], encode_records(resource, [payload])) == []


async def test_what_a_struct_does_not_take_is_read_by_pydantic_in_its_place() -> None:
    odd = contact(
        2, name=12, primary_email_address={"address": "ada@example.test"}, date_of_birth="2024-01-01T00:00:00"
    )
    batch = await check_records(CONTACT, [contact(1), odd, contact(3)])
    first, second, third = (json.loads(line) for line in batch.lines.splitlines())
    assert batch.clio_ids == [1, 2, 3]
    assert (first["name"], third["name"]) == ("Ada Example", "Ada Example")
    assert second["name"] == "12"
    assert second["primary_email_address"] == "ada@example.test"
    assert second["date_of_birth"] == "2024-01-01"


async def test_a_redacted_record_says_nothing() -> None:
    batch = await check_records(CONTACT, [contact(1), {**contact(2), "redacted": True}])
    assert batch.clio_ids == [1]
    batch = await check_records(CONTACT, [{**contact(3), "redacted": False}])
    assert batch.clio_ids == [3]
    assert "redacted" not in batch.lines


async def test_a_part_of_a_page_that_is_redacted_throughout_leaves_no_line() -> None:
    redacted = [{**contact(number), "redacted": True} for number in range(1, PART + 1)]
    batch = await check_records(CONTACT, [*redacted, contact(PART + 1)])
    assert batch.clio_ids == [PART + 1]
    assert [json.loads(line)["name"] for line in batch.lines.split("\n")] == ["Ada Example"]


async def test_of_a_record_that_is_there_twice_the_newer_is_kept() -> None:
    batch = await check_records(CONTACT, [contact(1, updated=9, name="new"), contact(2), contact(1, name="old")])
    assert sorted(batch.clio_ids) == [1, 2]
    assert [json.loads(line)["name"] for line in batch.lines.splitlines()] == ["new", "Ada Example"]


async def test_a_record_that_fits_nothing_is_named_by_field() -> None:
    with pytest.raises(ClioUnexpectedAnswer, match=r"in: email_addresses\.0\.primary, is_client$"):
        await check_records(CONTACT, [contact(1), contact(2, is_client=[], email_addresses=[{"primary": "maybe"}])])


class Money(Part):
    """An amount with its currency."""

    amount: Decimal | None = None
    currency: str | None = None


class Line(Nested):
    """A line of a bill."""

    id: int | None = None
    price: Decimal | None = None
    at: datetime.datetime | None = None
    matter: Reference | None = None


class Copy(Nested):
    """A record with a name that Python cannot use, and a number."""

    number: int | None = None
    clio_class: str | None = Field(default=None, alias="class")


class Shaped(ClioPayload):
    """Every shape that the mirror has columns for."""

    renamed: ClassVar = {"code": "short_code", "fee_amount": "fee"}
    hidden_by: ClassVar = {"is_hidden": ("fee", "note")}

    is_hidden: bool | None = None
    note: str | None = None
    code: str | None = None
    fee: Money | None = None
    matter: Reference | None = None
    users: list[Reference] | None = None
    lines: list[Line] | None = None
    clio_from: str | None = Field(default=None, alias="from")
    clio_copy: list[Copy] | None = Field(default=None, alias="copy")


def test_every_shape_has_the_columns_that_to_row_gives() -> None:
    record = {
        "id": 1,
        "is_hidden": False,
        "note": "shown",
        "code": "A\0",
        "fee": {"amount": 0.00001, "currency": "CAD"},
        "matter": {"id": 8},
        "users": [{"id": 3}, {"id": None}],
        "lines": [{"id": 9, "price": 1e-05, "at": "2024-01-01T02:00:00+02:00", "matter": {"id": 4}}],
        "from": "Clio",
        "copy": [{"number": 2, "class": "fair", "clio_class": "not Clio's"}],
    }
    reader = made(as_payload(Shaped))
    read = reader.read([record, {"id": 2, "is_hidden": True, "note": "no", "fee": {"amount": 5, "currency": "CAD"}}])
    assert read is not None
    shown, hidden = (json.loads(line, parse_float=Decimal) for line in read[1].splitlines())
    assert shown == {
        "is_hidden": False,
        "note": "shown",
        "short_code": "A\ufffd",
        "fee": Decimal("0.00001"),
        "fee_currency": "CAD",
        "matter_clio_id": 8,
        "user_clio_ids": [3],
        "lines": [{"id": "9", "price": "0.00001", "at": "2024-01-01T00:00:00+00:00", "matter_clio_id": "4"}],
        "clio_from": "Clio",
        "clio_copy": [{"number": 2, "clio_class": "fair"}],
    }
    assert hidden == {"is_hidden": True, "fee_currency": "CAD"}
    payload = Shaped.model_validate(record)
    assert payload.to_row() == {
        "note": "shown",
        "is_hidden": False,
        "short_code": "A\0",
        "fee": Decimal("0.00001"),
        "fee_currency": "CAD",
        "matter_clio_id": 8,
        "user_clio_ids": [3],
        "lines": payload.lines,
        "clio_from": "Clio",
        "clio_copy": payload.clio_copy,
    }


async def test_what_clio_sends_by_the_name_of_a_column_is_passed_over() -> None:
    batch = await check_records(CONTACT, [contact(1, company_clio_id=5, currency_code="CAD", seen_at="2024-01-01")])
    assert not {"company_clio_id", "currency_code", "seen_at"} & {*json.loads(batch.lines)}


def test_a_mend_never_sees_what_fits() -> None:
    seen = []

    def mend(value: Any) -> Any:
        seen.append(value)
        return len(value)

    class Mended(ClioPayload):
        note: Annotated[str | None, WhereUnfit(mend)] = None

    assert [Mended.model_validate({"id": 1, "note": each}).note for each in ("fits", 5, None, ["does not"])] == [
        "fits",
        "5",
        None,
        "1",
    ]
    assert seen == [["does not"]]


def test_what_a_nested_class_has_besides_fields_goes_along() -> None:
    read = made(as_payload(HoldsWorded)).read([{"id": 1, "inner": {"id": 1}}])
    assert read is not None
    assert json.loads(read[1]) == {"inner": {"word": "one"}}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (Validated, "Validated has validators or a configuration of its own"),
        (Configured, "Configured has validators or a configuration of its own"),
        (OfTwoNames, "OfTwoNames.note has a rule, or several names at Clio"),
        (Bounded, "Bounded.count is of a kind that no struct checks alike"),
        (Filled, "Filled.note is required, or has another default than null"),
        (Needed, "Needed.note is required, or has another default than null"),
        (NeverNull, "NeverNull.note is required, or has another default than null"),
        (NamedByText, "NamedByText.id is no whole number"),
        (OfTwoKinds, "OfTwoKinds.note may be of several kinds"),
        (OwnRow, "OwnRow has more to it than columns"),
        (HoldsModel, "WantsModel.to_json wants more than fields"),
        (HoldsOneThatCalls, r"CallsSuper has a method that calls super\(\)"),
        (HoldsOneThatLooks, "LooksAtItself.to_json looks at more than fields"),
        (Crossed, "Crossed has columns that are called as other fields: note"),
        (HoldsDecimal, "WantsDecimal.to_json would see other numbers than Decimal"),
    ],
)
def test_a_model_that_says_more_than_a_struct_can_is_left_to_pydantic(payload: type[ClioPayload], reason: str) -> None:
    with pytest.raises(Beyond, match=f"^{reason}"):
        made(as_payload(payload))
    assert quick_reader(as_payload(payload)) is None
