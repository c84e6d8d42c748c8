"""Lists: fields, filters, orders, paging."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mock_clio.api.paging import cursor_page, offset_page
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings
from mock_clio.store.rows import Row


async def data(api: httpx.AsyncClient, path: str, **params: object) -> list[dict[str, Any]]:
    answer = await api.get(path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def walk(api: httpx.AsyncClient, path: str) -> list[int]:
    """Ids on every page, following `next` verbatim."""
    ids: list[int] = []
    url: str | None = path
    while url:
        answer = (await api.get(url)).json()
        ids += [row["id"] for row in answer["data"]]
        url = answer["meta"]["paging"].get("next")
    return ids


def ids_of(clio: MockClioServer, schema: str) -> list[int]:
    return list(clio.state.store[schema].ids)


@pytest.mark.parametrize("path", ["contacts", "contacts.json", "matters", "users", "matter_stages", "practice_areas"])
async def test_default_fields_are_id_and_etag(api: httpx.AsyncClient, path: str) -> None:
    rows = await data(api, path)
    assert rows
    assert all(list(row) == ["id", "etag"] for row in rows)


async def test_one_level_of_sub_fields(api: httpx.AsyncClient) -> None:
    [row] = await data(api, "matters", limit=1, fields="id,client{id,name,company},practice_area")
    assert set(row["client"]) == {"id", "name", "company"}
    assert set(row["practice_area"]) == {"id", "etag"}


async def test_braces_may_be_raw_or_encoded(api: httpx.AsyncClient) -> None:
    raw = await api.get("matters.json?limit=1&fields=id,client{id,name}")
    encoded = await api.get("matters.json?limit=1&fields=id%2Cclient%7Bid%2Cname%7D")
    assert raw.json()["data"] == encoded.json()["data"]


@pytest.mark.parametrize(
    "fields", ["id,nothing", "client{nothing}", "client{company{id}}", "id{name}", "client{id", "client}", "{id}"]
)
async def test_unknown_or_deep_fields_refuse_the_whole_request(api: httpx.AsyncClient, fields: str) -> None:
    answer = await api.get("matters", params={"fields": fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "InvalidFields"


async def test_associations_that_are_not_modelled_are_empty(api: httpx.AsyncClient) -> None:
    [row] = await data(api, "contacts", limit=1, fields="folder{id,name},activity_rates{id},avatar")
    assert row == {"folder": None, "activity_rates": [], "avatar": None}


async def test_cursor_paging_gives_complete_encoded_links(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    first = (await api.get("contacts", params={"limit": 10, "fields": "id,company{id}"})).json()
    url = first["meta"]["paging"]["next"]
    assert "previous" not in first["meta"]["paging"]
    assert url.startswith(f"{clio.url}/api/v4/contacts.json?fields=id%2Ccompany%7Bid%7D&limit=10&order=id%28asc%29&")
    assert dict(parse_qsl(urlsplit(url).query))["page_token"]
    second = (await api.get(url)).json()
    back = (await api.get(second["meta"]["paging"]["previous"])).json()
    assert back["data"] == first["data"]
    last = (await api.get(second["meta"]["paging"]["next"])).json()
    assert "next" not in last["meta"]["paging"]
    assert first["meta"]["records"] == last["meta"]["records"] == 30


async def test_rows_that_come_and_go_while_paging_disturb_nothing_else(
    api: httpx.AsyncClient, clio: MockClioServer
) -> None:
    before = ids_of(clio, "Contact")
    answer = (await api.get("contacts", params={"limit": 10})).json()
    await api.delete(f"contacts/{before[0]}")
    await api.delete(f"contacts/{before[25]}")
    rest = await walk(api, answer["meta"]["paging"]["next"])
    assert [row["id"] for row in answer["data"]] + rest == before[:25] + before[26:]


@given(limit=st.integers(1, 200), count=st.integers(0, 450), start=st.integers(1, 2**40))
def test_cursor_pages_hold_every_id_exactly_once(limit: int, count: int, start: int) -> None:
    ids = list(range(start, start + 3 * count, 3))
    seen: list[int] = []
    position = None
    while True:
        page = cursor_page(ids, position, limit)
        seen += page.ids
        if page.next is None:
            break
        position = page.next
    assert seen == ids


@given(limit=st.integers(1, 200), count=st.integers(0, 450))
def test_offset_pages_hold_every_id_exactly_once(limit: int, count: int) -> None:
    ids = list(range(count))
    seen: list[int] = []
    offset = 0
    while True:
        page = offset_page(ids, offset, limit)
        seen += page.ids
        if page.next is None or page.next.offset is None:
            break
        offset = page.next.offset
    assert seen == ids


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 40), order=st.sampled_from(["id(asc)", "id(desc)", "name(asc)"]))
async def test_walking_over_http_finds_every_contact_once(
    api: httpx.AsyncClient, clio: MockClioServer, limit: int, order: str
) -> None:
    assert sorted(await walk(api, f"contacts?limit={limit}&order={order}")) == ids_of(clio, "Contact")


async def test_offset_paging(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    answer = (await api.get("contacts", params={"offset": 10, "limit": 10, "order": "name(asc)"})).json()
    assert "offset=20" in answer["meta"]["paging"]["next"]
    assert "offset=0" in answer["meta"]["paging"]["previous"]
    assert answer["meta"]["records"] == 30
    assert sorted(await walk(api, "contacts?offset=0&limit=7")) == ids_of(clio, "Contact")


async def test_offset_paging_stops_at_ten_thousand(api: httpx.AsyncClient) -> None:
    assert (await api.get("contacts", params={"offset": 9_800})).status_code == 200
    answer = await api.get("contacts", params={"offset": 10_000})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "ArgumentError")


@pytest.mark.parametrize(
    ("path", "limit", "status"),
    [("contacts", 200, 200), ("contacts", 201, 400), ("contacts", 0, 400), ("users", 2000, 200), ("users", 2001, 400)],
)
async def test_limit_bounds(api: httpx.AsyncClient, path: str, limit: int, status: int) -> None:
    assert (await api.get(path, params={"limit": limit})).status_code == status


async def test_limit_can_be_clamped(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.patch("switches", json={"limit_out_of_range": "clamp"})
    assert len(await data(api, "contacts", limit=0)) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"order": "nothing(asc)"},
        {"order": "name(up)"},
        {"page_token": "%%%"},
        {"page_token": "e30"},
        {"updated_since": "yesterday"},
        {"ids[]": "x"},
        {"type": "Robot"},
        {"offset": "-1"},
        {"client_only": "perhaps"},
    ],
)
async def test_unreadable_parameters_are_refused(api: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await api.get("contacts", params=params)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "ArgumentError")


async def test_unknown_parameters_are_ignored(api: httpx.AsyncClient) -> None:
    assert len(await data(api, "contacts", q="nobody", date_from="2020-01-01")) == 30


@pytest.mark.parametrize("inclusive", [True, False])
async def test_updated_since(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer, inclusive: bool
) -> None:
    await control.patch("switches", json={"updated_since_inclusive": inclusive})
    rows = sorted(clio.state.store["Contact"], key=lambda row: int(row["updated_at"]))
    edge = rows[20]["updated_at"]
    since = datetime.fromtimestamp(edge, UTC).isoformat()
    found = {row["id"] for row in await data(api, "contacts", updated_since=since)}
    assert found == {row["id"] for row in rows if row["updated_at"] >= edge + (0 if inclusive else 1)}
    unescaped = await api.get(f"contacts?updated_since={since}")
    assert {row["id"] for row in unescaped.json()["data"]} == found


async def test_created_since_and_ids(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    wanted = ids_of(clio, "Contact")[3:6]
    answer = await api.get("contacts", params={"ids[]": [*wanted, 1]})
    assert [row["id"] for row in answer.json()["data"]] == wanted
    assert await data(api, "contacts", created_since="2026-11-02T17:00:00Z") == []
    excluded = await api.get("contacts", params={"exclude_ids[]": wanted})
    assert len(excluded.json()["data"]) == 27


def rows_where(clio: MockClioServer, schema: str, **wanted: object) -> list[int]:
    def fits(row: Row) -> bool:
        return all(row[name] == value for name, value in wanted.items())

    return [row["id"] for row in clio.state.store[schema] if fits(row)]


async def ids(api: httpx.AsyncClient, path: str, **params: object) -> list[int]:
    return [row["id"] for row in await data(api, path, **params)]


async def test_contact_filters(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    assert await ids(api, "contacts", type="Company") == rows_where(clio, "Contact", type="Company")
    assert await ids(api, "contacts", client_only="true") == rows_where(clio, "Contact", is_client=True)
    with_mail = [row["id"] for row in clio.state.store["Contact"] if row["email_addresses"]]
    assert await ids(api, "contacts", email_only="true") == with_mail
    person = next(row for row in clio.state.store["Contact"] if row["type"] == "Person")
    assert person["id"] in await ids(api, "contacts", query=person["last_name"].lower())
    assert person["id"] in await ids(api, "contacts", initial=person["last_name"][0].upper())
    assert await ids(api, "contacts", query="no such words anywhere") == []


async def test_matter_filters(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    store = clio.state.store
    both = [row["id"] for row in store["Matter"] if row["status"] in {"Open", "Pending"}]
    assert await ids(api, "matters", status="open,pending") == both
    matter = next(iter(store["Matter"]))
    for name in ("client_id", "responsible_attorney_id", "practice_area_id"):
        assert await ids(api, "matters", **{name: matter[name]}) == rows_where(clio, "Matter", **{name: matter[name]})
    without = rows_where(clio, "Matter", originating_attorney_id=None)
    assert await ids(api, "matters", originating_attorney_id="null") == without
    assert matter["id"] in await ids(api, "matters", query=matter["display_number"])
    assert (await api.get("matters", params={"status": "Open"})).status_code == 400


async def test_date_filters_take_an_operator_and_add_up(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    days = sorted(row["open_date"] for row in clio.state.store["Matter"])
    low, high = days[3], days[10]
    inside = [row["id"] for row in clio.state.store["Matter"] if low <= row["open_date"] < high]
    answer = await api.get("matters", params={"open_date[]": [f">={low}", f"<{high}"]})
    assert [row["id"] for row in answer.json()["data"]] == inside
    single = await api.get("matters", params={"open_date": f"={low}"})
    assert [row["id"] for row in single.json()["data"]] == rows_where(clio, "Matter", open_date=low)
    assert (await api.get("matters", params={"open_date[]": low})).status_code == 400


async def test_user_filters(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    assert await ids(api, "users", enabled="true") == rows_where(clio, "User", enabled=True)
    attorneys = rows_where(clio, "User", subscription_type="Attorney")
    assert await ids(api, "users", subscription_type="attorney") == attorneys
    assert await ids(api, "users", role="admin") == [clio.state.owner["id"]]


async def test_look_ups(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    area = next(iter(clio.state.store["PracticeArea"]))
    stages = await data(api, "matter_stages", practice_area_id=area["id"], fields="name,practice_area_id")
    assert {stage["practice_area_id"] for stage in stages} == {str(area["id"])}
    assert len(await data(api, "practice_areas", code=area["code"])) == 1
    groups = await data(api, "groups", type="AccountGroup", fields="name,type,users{id}")
    assert [group["type"] for group in groups] == ["AccountGroup"]


@pytest.mark.parametrize("order", ["open_date", "client.name", "practice_area.name", "status"])
async def test_orders(api: httpx.AsyncClient, order: str) -> None:
    answer = await api.get("matters", params={"order": f"{order}(desc)", "fields": "id,client{name},open_date"})
    if order == "status":
        assert answer.status_code == 400
        return
    down = [row["id"] for row in answer.json()["data"]]
    up = await ids(api, "matters", order=f"{order}(asc)")
    assert down == list(reversed(up))


async def test_child_lists_of_a_contact(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    contact = next(row for row in clio.state.store["Contact"] if len(row["email_addresses"]) > 1)
    path = f"contacts/{contact['id']}/email_addresses.json"
    rows = await data(api, path, fields="id,address,primary")
    assert [row["address"] for row in rows] == [row["address"] for row in contact["email_addresses"]]
    assert len(await walk(api, f"{path}?limit=1")) == len(rows)
    assert (await api.get(f"contacts/{contact['id']}/phone_numbers")).status_code == 200
    assert (await api.get("contacts/1/email_addresses")).status_code == 404


async def test_redaction_of_associations_beyond_the_permissions(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    token = await control.post("tokens", json={"client_id": "app", "permissions": {"matters": "read"}})
    answer = await api.get(
        "matters",
        params={"limit": 1, "fields": "id,client{id,name},practice_area{name}"},
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
    )
    [row] = answer.json()["data"]
    assert row["client"] == {"redacted": True, "id": None, "name": None}
    assert row["practice_area"]["name"]


async def test_timestamps_in_the_firms_zone_or_utc(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    stamps = {row["updated_at"][-6:] for row in await data(api, "contacts", fields="updated_at")}
    assert stamps == {"-07:00", "-08:00"}
    await control.patch("switches", json={"timestamps": "utc"})
    [row] = await data(api, "contacts", limit=1, fields="updated_at")
    first = next(iter(clio.state.store["Contact"]))
    assert row["updated_at"].endswith("Z")
    assert datetime.fromisoformat(row["updated_at"]).timestamp() == first["updated_at"]


async def test_public_url_is_the_base_of_links(api: httpx.AsyncClient, settings: MockSettings) -> None:
    settings.public_url = "https://clio.example"
    answer = (await api.get("contacts", params={"limit": 1})).json()
    assert answer["meta"]["paging"]["next"].startswith("https://clio.example/api/v4/contacts.json?")
