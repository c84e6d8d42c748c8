"""Pausing and quiet hours over GraphQL, and when each resource is polled next."""

from typing import Any

import pytest

from core.testing.api import GENERIC, Api, gid
from tests.schema.schema_data import ONE, TWO

WRITE = ("read", "write")
FIRM = """firm {
    pausedAt pauseReason quietHours { from until timeZone } schedules { resource intervalS nextAt reason }
  }
  errors { code message path }"""
PAUSE = f"mutation($id: ID!, $reason: String!) {{ pauseFirm(id: $id, reason: $reason) {{ {FIRM} }} }}"
RESUME = f"mutation($id: ID!) {{ resumeFirm(id: $id) {{ {FIRM} }} }}"
QUIET = f"""mutation($id: ID!, $from: String, $until: String, $zone: String) {{
  setQuietHours(id: $id, from: $from, until: $until, timeZone: $zone) {{ {FIRM} }}
}}"""
SYNC = "mutation($firm: ID) { syncNow(firm: $firm) { runs { firm } errors { code message } } }"
ID = gid("Firm", ONE, ONE)
NEXT_AT = "2030-01-01T00:00:00+00:00"


async def seed_schedule(api: Api) -> None:
    await api.services.database.pool.execute("DELETE FROM sync_cursor")
    await api.services.database.pool.execute(
        """INSERT INTO sync_cursor (firm, resource, high_water_at, interval_s, next_at, reason)
           VALUES (1, 'user', now(), 240, '2030-01-01', 'idle'), (1, 'contact', now(), 30.5, '2030-01-01', 'busy'),
                  (2, 'contact', now(), 1200, '2031-01-01', 'covered'), (1, 'matter', now(), NULL, NULL, NULL)"""
    )


async def change(api: Api, document: str, **variables: Any) -> dict[str, Any]:
    [payload] = (await api.query(document, {"id": ID, **variables}, scopes=WRITE)).data.values()
    return dict(payload)


async def test_a_firm_is_paused_and_resumed(fresh_api: Api) -> None:
    await seed_schedule(fresh_api)
    paused = await change(fresh_api, PAUSE, reason="moves house")
    assert paused["errors"] == []
    assert paused["firm"]["pausedAt"] is not None
    assert paused["firm"]["pauseReason"] == "moves house"
    assert {(each["reason"], each["nextAt"]) for each in paused["firm"]["schedules"]} == {("PAUSED", None)}
    resumed = (await change(fresh_api, RESUME))["firm"]
    assert (resumed["pausedAt"], resumed["pauseReason"]) == (None, None)
    assert resumed["schedules"] == [
        {"resource": "contact", "intervalS": 30.5, "nextAt": NEXT_AT, "reason": "BUSY"},
        {"resource": "matter", "intervalS": None, "nextAt": None, "reason": "STEADY"},
        {"resource": "user", "intervalS": 240.0, "nextAt": NEXT_AT, "reason": "IDLE"},
    ]


async def test_quiet_hours_are_set_shown_and_cleared(fresh_api: Api) -> None:
    await seed_schedule(fresh_api)
    hours = {"from": "22:00", "until": "06:30", "zone": "America/New_York"}
    payload = await change(fresh_api, QUIET, **hours)
    shown = {"from": "22:00", "until": "06:30", "timeZone": "America/New_York"}
    assert (payload["errors"], payload["firm"]["quietHours"]) == ([], shown)
    await fresh_api.services.database.pool.execute(
        "UPDATE firm SET rests_from = '2020-01-01', rests_until = '2030-06-01' WHERE id = 1"
    )
    document = "{ firms { quietHours { from } schedules { resource nextAt reason } } }"
    [firm] = (await fresh_api.query(document)).data["firms"]
    assert firm["quietHours"] == {"from": "22:00"}
    assert {(each["reason"], each["nextAt"]) for each in firm["schedules"]} == {
        ("QUIET_HOURS", "2030-06-01T00:00:00+00:00")
    }
    assert (await change(fresh_api, QUIET))["firm"]["quietHours"] is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from": "22:00"}, "from, until and timeZone together"),
        ({"from": "22:00", "until": "25:00", "zone": "UTC"}, "such as 22:00 until 06:30"),
        ({"from": "22:00", "until": "23:00", "zone": "Nowhere"}, "no time zone 'Nowhere'"),
        ({"from": "22:00", "until": "22:00", "zone": "UTC"}, "pauseFirm"),
    ],
)
async def test_what_are_no_quiet_hours_is_refused(fresh_api: Api, given: dict[str, str], words: str) -> None:
    payload = await change(fresh_api, QUIET, **given)
    assert payload["firm"] is None
    [error] = payload["errors"]
    assert error["code"] == "BAD_USER_INPUT"
    assert words in error["message"]
    assert (
        await fresh_api.services.database.pool.fetchval("SELECT count(*) FROM firm WHERE quiet_from IS NOT NULL") == 0
    )


async def test_a_sync_of_a_paused_firm_is_refused_and_of_others_beside_it_is_not(fresh_api: Api) -> None:
    await change(fresh_api, PAUSE, reason="moves house")
    payload = (await fresh_api.query(SYNC, scopes=WRITE)).data["syncNow"]
    assert payload["runs"] == []
    assert [error["code"] for error in payload["errors"]] == ["FIRM_PAUSED"]
    assert "resumeFirm" in payload["errors"][0]["message"]
    payload = (await fresh_api.query(SYNC, firms=[ONE, TWO], scopes=WRITE)).data["syncNow"]
    assert {run["firm"] for run in payload["runs"]} == {"2"}
    assert [error["code"] for error in payload["errors"]] == ["FIRM_PAUSED"]
    reconcile = SYNC.replace("syncNow", "reconcile")
    payload = (await fresh_api.query(reconcile, firms=[ONE, TWO], scopes=WRITE)).data["reconcile"]
    assert [error["code"] for error in payload["errors"]] == ["FIRM_PAUSED"]


@pytest.mark.parametrize("document", [PAUSE, RESUME, QUIET])
async def test_another_firm_is_not_there_and_reading_is_not_writing(fresh_api: Api, document: str) -> None:
    variables = {"id": gid("Firm", TWO, TWO), "reason": "x"}
    [payload] = (await fresh_api.query(document, variables, scopes=WRITE)).data.values()
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("NOT_FOUND", ["id"])]
    assert (await fresh_api.query(document, {"id": ID, "reason": "x"})).codes == ["FORBIDDEN"]
    assert await fresh_api.services.database.pool.fetchval("SELECT count(*) FROM firm WHERE paused_at IS NOT NULL") == 0


async def test_the_schedules_of_all_firms_are_one_statement_and_those_of_others_unseen(fresh_api: Api) -> None:
    await seed_schedule(fresh_api)
    document = "{ firms { firmId schedules { resource reason } } }"
    with fresh_api.count_sql() as statements:
        data = (await fresh_api.query(document, firms=[ONE, TWO])).data
    assert len(statements) == 2
    assert [[each["reason"] for each in firm["schedules"]] for firm in data["firms"]] == [
        ["BUSY", "STEADY", "IDLE"],
        ["COVERED"],
    ]
    assert [firm["firmId"] for firm in (await fresh_api.query(document, firms=[TWO])).data["firms"]] == ["2"]


async def test_planned_and_resolved_are_the_same(fresh_api: Api) -> None:
    await seed_schedule(fresh_api)
    await change(fresh_api, QUIET, **{"from": "22:00", "until": "06:30", "zone": "UTC"})
    document = """query($id: ID!) { node(id: $id) { ... on Firm {
      name pausedAt pauseReason quietHours { until from timeZone } schedules { reason intervalS nextAt resource }
    } } }"""
    with fresh_api.count_sql() as statements:
        planned = await fresh_api.query(document, {"id": ID})
    assert (len(statements), planned.headers["X-Read-Path"]) == (1, "planned")
    assert planned.data == (await fresh_api.query(document, {"id": ID}, headers=GENERIC)).data
