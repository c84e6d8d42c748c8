"""Custom field values: the rows within contacts and matters, writing them, and finding records by them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from tests.mock_clio.calls import PERSON, VALUES, call, define, seeded, values_of


async def give(api: httpx.AsyncClient, path: str, status: int = 200, **value: Any) -> Any:
    """Write one value; the answer is the record, or the error's message."""
    return await call(api, "PATCH", path, status, VALUES, custom_field_values=[value])


def displayed(clio: MockClioServer, parent_type: str) -> list[str]:
    rows = [row for row in clio.state.store["CustomField"] if row["parent_type"] == parent_type]
    return [row["name"] for row in rows if row["displayed"] and not row["deleted"]]


@pytest.mark.parametrize("path", ["contacts", "matters"])
async def test_most_records_have_values(api: httpx.AsyncClient, path: str) -> None:
    rows = await call(api, "GET", path, 200, "id,custom_field_values{id,value}")
    filled = [row for row in rows if any(value["id"] for value in row["custom_field_values"])]
    assert len(filled) > len(rows) / 2


async def test_a_displayed_definition_without_a_value_has_a_row_without_an_id(
    api: httpx.AsyncClient, clio: MockClioServer
) -> None:
    contact = await call(api, "POST", "contacts", 201, **PERSON)
    values = await values_of(api, f"contacts/{contact['id']}")
    assert list(values) == displayed(clio, "Contact") == ["Referral source", "Industry", "Client since", "Newsletter"]
    first = values["Referral source"]
    assert {first[name] for name in ("id", "etag", "value", "created_at", "updated_at")} == {None}
    assert (first["field_displayed"], first["field_required"], first["soft_deleted"]) == (True, True, False)
    assert first["field_display_order"] == 1
    assert set(first["custom_field"]) == {"id", "etag"}
    stubs = await call(api, "GET", f"contacts/{contact['id']}", 200, "custom_field_values")
    assert stubs["custom_field_values"] == [{"id": None, "etag": None}] * 4


@pytest.mark.parametrize(
    ("field_type", "given", "read", "native"),
    [
        ("text_line", "Bar association", "Bar association", "Bar association"),
        ("text_area", "One\nTwo", "One\nTwo", "One\nTwo"),
        ("email", "a@example.com", "a@example.com", "a@example.com"),
        ("url", "https://example.com", "https://example.com", "https://example.com"),
        ("numeric", 42, "42", 42),
        ("currency", "105.4", "105.4", 105.4),
        ("date", "2026-11-02", "2026-11-02", "2026-11-02"),
        ("time", "9:30", "09:30", "09:30"),
        ("checkbox", True, "true", True),
        ("checkbox", "false", "false", False),
    ],
)
async def test_values_are_text_unless_switched(
    api: httpx.AsyncClient, control: httpx.AsyncClient, field_type: str, given: object, read: str, native: object
) -> None:
    definition = await define(api, field_type)
    value = {"custom_field": {"id": definition["id"]}, "value": given}
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    path, name = f"contacts/{contact['id']}", f"New {field_type}"
    row = (await values_of(api, path))[name]
    assert row["value"] == read
    assert row["id"].startswith(f"{field_type}-")
    assert row["etag"].startswith(f'"{int(row["id"].split("-")[1]):x}')
    assert row["custom_field"]["id"] == definition["id"]
    await control.patch("switches", json={"custom_field_value_types": "native"})
    switched = (await values_of(api, path))[name]["value"]
    assert (switched, type(switched)) == (native, type(native))


async def test_times_with_seconds(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    definition = await define(api, "time")
    value = {"custom_field": {"id": definition["id"]}, "value": "14:30"}
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    await control.patch("switches", json={"custom_field_times": "iso"})
    assert (await values_of(api, f"contacts/{contact['id']}"))["New time"]["value"] == "14:30:00"


async def test_values_that_name_other_records(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    matter, contact = next(iter(clio.state.store["Matter"])), await call(api, "POST", "contacts", 201, **PERSON)
    picklist = await define(api, "picklist", "Matter", picklist_options=[{"option": "A"}])
    option = picklist["picklist_options"][0]["id"]
    wanted = {"picklist": option, "contact": contact["id"], "matter": matter["id"]}
    for field_type, record_id in wanted.items():
        definition = picklist if field_type == "picklist" else await define(api, field_type, "Matter")
        path = f"matters/{matter['id']}"
        await give(api, path, custom_field={"id": definition["id"]}, value=str(record_id))
        row = (await values_of(api, path))[f"New {field_type}"]
        assert row["value"] == str(record_id)
        association = "picklist_option" if field_type == "picklist" else field_type
        assert row[association]["id"] == record_id
        others = {"picklist_option", "contact", "matter"} - {association}
        assert [row[name] for name in others] == [None, None]
    await call(api, "DELETE", f"contacts/{contact['id']}", 204)
    dangling = (await values_of(api, path))["New contact"]
    assert (dangling["value"], dangling["contact"]) == (str(contact["id"]), None)


@pytest.mark.parametrize(
    ("field_type", "value"),
    [
        ("numeric", "4.5"),
        ("numeric", True),
        ("currency", "much"),
        ("currency", "NaN"),
        ("date", "02/11/2026"),
        ("time", "25:00"),
        ("checkbox", "perhaps"),
        ("picklist", "A"),
        ("picklist", "1"),
        ("contact", "1"),
        ("matter", "x"),
        ("text_line", ["a"]),
    ],
)
async def test_values_fit_their_type(api: httpx.AsyncClient, field_type: str, value: object) -> None:
    definition = await define(api, field_type)
    given = {"custom_field": {"id": definition["id"]}, "value": value}
    assert f"is not a valid {field_type}" in await call(
        api, "POST", "contacts", 422, **PERSON, custom_field_values=[given]
    )


async def test_first_value_change_and_clearing(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    definition = await define(api, "text_line")
    contact = await call(api, "POST", "contacts", 201, "id,updated_at", **PERSON)
    path, field = f"contacts/{contact['id']}", {"id": definition["id"]}
    clio.state.clock.advance(5)
    first = await give(api, path, custom_field=field, value="x")
    assert first["updated_at"] > contact["updated_at"]
    row = (await values_of(api, path))["New text_line"]
    message = await give(api, path, 422, custom_field=field, value="y")
    assert message.endswith(f"custom field value for custom field {definition['id']} already exists")
    await give(api, path, 404, id=str(definition["id"]), value="y")
    clio.state.clock.advance(5)
    await give(api, path, id=row["id"], custom_field=field, value="y")
    changed = (await values_of(api, path))["New text_line"]
    assert (changed["id"], changed["value"]) == (row["id"], "y")
    assert changed["updated_at"] > row["updated_at"] == row["created_at"]
    await give(api, path, id=row["id"], value=None)
    assert (await values_of(api, path))["New text_line"]["value"] is None
    await give(api, path, id=row["id"], _destroy=True)
    assert "New text_line" not in await values_of(api, path)


async def test_writes_that_name_no_usable_definition(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    contact = next(iter(clio.state.store["Contact"]))
    path = f"contacts/{contact['id']}"
    await give(api, path, 404, custom_field={"id": 1}, value="x")
    assert "'custom_field' is required" in await give(api, path, 422, value="x")
    definition = await define(api, "text_line")
    assert "'value' is required" in await give(api, path, 422, custom_field={"id": definition["id"]})
    foreign = {"id": seeded(clio, "Matter", "text_line")["id"]}
    assert "is not one of a Contact" in await give(api, path, 422, custom_field=foreign, value="x")
    await call(api, "DELETE", f"custom_fields/{definition['id']}", 204)
    assert "is deleted" in await give(api, path, 422, custom_field={"id": definition["id"]}, value="x")


async def test_values_follow_their_definition(api: httpx.AsyncClient) -> None:
    definition = await define(api, "picklist", picklist_options=[{"option": "A"}])
    option = definition["picklist_options"][0]["id"]
    value = {"custom_field": {"id": definition["id"]}, "value": option}
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    path, deletion = f"contacts/{contact['id']}", [{"id": option, "_deleted": True}]
    await call(api, "PATCH", f"custom_fields/{definition['id']}", 200, name="Renamed", picklist_options=deletion)
    row = (await values_of(api, path))["Renamed"]
    assert (row["value"], row["picklist_option"]["id"], row["soft_deleted"]) == (str(option), option, False)
    await call(api, "DELETE", f"custom_fields/{definition['id']}", 204)
    kept = (await values_of(api, path))["Renamed"]
    assert (kept["id"], kept["value"], kept["soft_deleted"]) == (row["id"], str(option), True)
    assert "is not a valid picklist" in await give(api, path, 422, id=row["id"], value=str(option))


@pytest.mark.parametrize("bumps", [True, False])
async def test_a_value_moves_its_parent_as_switched(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer, bumps: bool
) -> None:
    await control.patch("switches", json={"nested_change_bumps_parent": bumps})
    definition = await define(api, "text_line", "Matter")
    matter = next(iter(clio.state.store["Matter"]))
    before = await call(api, "GET", f"matters/{matter['id']}", 200)
    after = await give(api, f"matters/{matter['id']}", custom_field={"id": definition["id"]}, value="x")
    assert (after["etag"] != before["etag"]) is bumps


async def test_unfilled_rows_with_ids_exist_for_writes(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    await control.patch("switches", json={"unfilled_value_ids": "materialised"})
    field = {"id": seeded(clio, "Contact", "text_line")["id"]}
    given = [{"custom_field": {"id": seeded(clio, "Contact", "date")["id"]}, "value": "2026-01-02"}]
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=given)
    path = f"contacts/{contact['id']}"
    values = await values_of(api, path)
    assert values["Client since"]["value"] == "2026-01-02"
    empty = values["Referral source"]
    assert empty["id"].startswith("text_line-")
    assert (empty["value"], empty["etag"] is None, empty["created_at"] is None) == (None, False, False)
    assert "already exists" in await give(api, path, 422, custom_field=field, value="x")
    await give(api, path, 404, id="text_line-1", value="x")
    await give(api, path, id=empty["id"], _destroy=True)
    await give(api, path, id=empty["id"], value="x")
    filled = (await values_of(api, path))["Referral source"]
    assert (filled["id"], filled["value"]) == (empty["id"], "x")
    await control.patch("switches", json={"unfilled_value_ids": "null"})
    still = (await values_of(api, path))["Referral source"]
    assert (still["id"], still["value"]) == (empty["id"], "x")


async def test_the_definition_within_a_value_can_be_redacted(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    path = f"contacts/{next(iter(clio.state.store['Contact']))['id']}"
    redacted = {"redacted": True, "id": None, "etag": None}
    await control.patch("switches", json={"value_custom_field": "redacted"})
    assert all(value["custom_field"] == redacted for value in (await values_of(api, path)).values())
    assert (await api.get("custom_fields")).status_code == 200
    shown = (await control.get(f"records/{path}", params={"fields": VALUES})).json()["data"]
    assert all(value["custom_field"]["id"] for value in shown["custom_field_values"])


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("=105.4", 1),
        ("=105.40", 1),
        (">=105.4", 2),
        (">105.4", 1),
        ("<105.4", 1),
        ("<=9", 1),
        ("[<=500, >=50]", 1),
    ],
)
async def test_lists_are_filtered_by_value(api: httpx.AsyncClient, condition: str, count: int) -> None:
    definition = await define(api, "currency")
    for amount in ("9", "105.4", "1000.25"):
        value = {"custom_field": {"id": definition["id"]}, "value": amount}
        await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    answer = await api.get("contacts", params={f"custom_field_values[{definition['id']}]": condition})
    assert len(answer.json()["data"]) == count


async def test_filters_of_types_with_one_operator(api: httpx.AsyncClient) -> None:
    definition = await define(api, "checkbox")
    value = {"custom_field": {"id": definition["id"]}, "value": True}
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    name = f"custom_field_values[{definition['id']}]"
    for condition in ("true", "=true", "=1"):
        [row] = (await api.get("contacts", params={name: condition})).json()["data"]
        assert row["id"] == contact["id"]
    for wrong in (">true", "<=true", "=perhaps"):
        assert (await api.get("contacts", params={name: wrong})).status_code == 400
    number = await define(api, "numeric")
    for wrong in ("5", "=five", "[>1, 5]"):
        answer = await api.get("contacts", params={f"custom_field_values[{number['id']}]": wrong})
        assert answer.json()["error"]["type"] == "ArgumentError"
    for unknown in ("custom_field_values[1]", f"custom_field_values[{(await define(api, 'url', 'Matter'))['id']}]"):
        assert (await api.get("contacts", params={unknown: "=x"})).json()["data"] == []


async def test_values_are_narrowed_to_some_definitions(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    wanted = [seeded(clio, "Matter", "picklist")["id"], seeded(clio, "Matter", "date")["id"]]
    matter = next(iter(clio.state.store["Matter"]))["id"]
    params: dict[str, Any] = {"custom_field_ids[]": wanted, "fields": "custom_field_values{field_type,custom_field}"}
    for path in (f"matters/{matter}", "matters"):
        data = (await api.get(path, params=params)).json()["data"]
        for row in data if isinstance(data, list) else [data]:
            assert [value["custom_field"]["id"] for value in row["custom_field_values"]] == wanted
    for path in (f"matters/{matter}", "matters"):
        assert (await api.get(path, params={"custom_field_ids[]": "x"})).status_code == 400


async def test_contacts_are_found_by_their_values(api: httpx.AsyncClient) -> None:
    definition = await define(api, "text_line")
    value = {"custom_field": {"id": definition["id"]}, "value": "Zebra crossing"}
    contact = await call(api, "POST", "contacts", 201, **PERSON, custom_field_values=[value])
    found = (await api.get("contacts", params={"query": "zebra"})).json()["data"]
    assert [row["id"] for row in found] == [contact["id"]]


async def test_a_value_written_by_somebody_else_is_told(
    subscribe: Callable[..., Awaitable[dict[str, Any]]],
    api: httpx.AsyncClient,
    control: httpx.AsyncClient,
    receiver: Receiver,
    clio: MockClioServer,
) -> None:
    await subscribe(fields="id,custom_field_values{id,field_name,value}")
    contact = await call(api, "POST", "contacts", 201, **PERSON)
    value = {"custom_field": {"id": seeded(clio, "Contact", "text_line")["id"]}, "value": "x"}
    path = f"records/contacts/{contact['id']}"
    await control.patch(path, json={"data": {"custom_field_values": [value]}})
    await receiver.wait(2)
    assert receiver.events == ["created", "updated"]
