"""The chain's head, legal holds, and a feed that begins behind what was purged."""

import pytest

from core.history import holds, retention, sealing
from core.testing.api import Api, gid
from tests.history.past import Past, months_ago
from tests.schema.live_clients import hear, subscribed
from tests.schema.schema_data import ONE, TWO

HEAD = "{ firms { firmId historyFromAt historyHead { number kind changes hash sealedAt } } }"
PLANNED = "query ($id: ID!) { node(id: $id) { ... on Firm { historyFromAt historyHead { number hash } } } }"
PLACE = """mutation ($firm: ID!, $reason: String!) { placeLegalHold(firm: $firm, reason: $reason) {
    hold { id firm reason placedBy placedAt releasedAt } errors { code message path } } }"""
RELEASE = """mutation ($id: ID!, $reason: String!) { releaseLegalHold(id: $id, reason: $reason) {
    hold { id releasedBy releaseReason releasedAt } errors { code message path } } }"""
HOLDS = "{ legalHolds(filter: { releasedAt: { isNull: true } }) { nodes { id reason } totalCount } }"
FEED = "subscription ($a: String) { changes(after: $a) { id } }"
PAGE = """query ($after: String, $firm: ID) { changes(after: $after, first: 2, firm: $firm) {
    nodes { recordedAt } pageInfo { endCursor } } }"""


async def test_the_head_of_a_firms_chain(fresh_api: Api) -> None:
    past = Past(fresh_api.services)
    answer = await fresh_api.query(HEAD)
    assert answer.data["firms"] == [{"firmId": "1", "historyFromAt": None, "historyHead": None}]
    await past.write(3)
    await past.write(2, firm=TWO)
    await past.seal()
    [firm] = (await fresh_api.query(HEAD)).data["firms"]
    [link] = await past.links()
    head = firm["historyHead"]
    assert (head["number"], head["kind"], head["changes"], head["hash"]) == (1, "changes", 3, link["hash"].hex())
    answer = await fresh_api.query(PLANNED, {"id": gid("Firm", ONE, ONE)})
    assert answer.data["node"] == {"historyFromAt": None, "historyHead": {"number": 1, "hash": link["hash"].hex()}}
    answer = await fresh_api.query(PLANNED, {"id": gid("Firm", TWO, TWO)})
    assert answer.data["node"] is None


async def test_a_hold_is_placed_listed_and_released_by_an_admin(fresh_api: Api) -> None:
    variables = {"firm": gid("Firm", ONE, ONE), "reason": "Doe v. Roe"}
    refused = await fresh_api.query(PLACE, variables, scopes=("read", "write"))
    assert refused.codes == ["FORBIDDEN"]
    placed = (await fresh_api.query(PLACE, variables, scopes=("admin",))).data["placeLegalHold"]
    assert placed["errors"] == []
    hold = placed["hold"]
    assert (hold["firm"], hold["reason"], hold["releasedAt"]) == ("1", "Doe v. Roe", None)
    assert hold["placedBy"]
    listed = (await fresh_api.query(HOLDS)).data["legalHolds"]
    assert listed == {"nodes": [{"id": hold["id"], "reason": "Doe v. Roe"}], "totalCount": 1}
    assert (await fresh_api.query(HOLDS, firms=[TWO])).data["legalHolds"] == {"nodes": [], "totalCount": 0}
    release = {"id": hold["id"], "reason": "settled"}
    assert (await fresh_api.query(RELEASE, release, scopes=("read", "write"))).codes == ["FORBIDDEN"]
    hidden = (await fresh_api.query(RELEASE, release, firms=[TWO], scopes=("admin",))).data["releaseLegalHold"]
    assert (hidden["hold"], hidden["errors"][0]["code"]) == (None, "NOT_FOUND")
    released = (await fresh_api.query(RELEASE, release, scopes=("admin",))).data["releaseLegalHold"]
    assert released["hold"]["releaseReason"] == "settled"
    assert released["hold"]["releasedAt"] is not None
    again = (await fresh_api.query(RELEASE, release, scopes=("admin",))).data["releaseLegalHold"]
    assert again["errors"][0]["code"] == "BAD_USER_INPUT"
    assert (await fresh_api.query(HOLDS)).data["legalHolds"]["totalCount"] == 0


async def test_a_hold_of_no_firm_or_no_reason_is_refused(fresh_api: Api) -> None:
    for variables in (
        {"firm": gid("Firm", TWO, TWO), "reason": "x"},
        {"firm": gid("Firm", ONE, ONE), "reason": " "},
        {"firm": "nonsense", "reason": "x"},
    ):
        payload = (await fresh_api.query(PLACE, variables, scopes=("admin",))).data["placeLegalHold"]
        assert payload["hold"] is None
        assert len(payload["errors"]) == 1
    assert await fresh_api.services.database.pool.fetchval("SELECT count(*) FROM legal_hold") == 0


async def test_a_cursor_behind_what_was_purged_is_refused_and_says_where_to_go_on(fresh_api: Api) -> None:
    past = Past(fresh_api.services)
    await past.by_month(24)
    await past.write(3, at=months_ago(20))
    await past.write(3, firm=TWO)
    await past.write(3)
    begin = (await fresh_api.query(PAGE)).data["changes"]["pageInfo"]["endCursor"]
    others = (await fresh_api.query(PAGE, firms=[TWO])).data["changes"]["pageInfo"]["endCursor"]
    await past.seal()
    await retention.purge(fresh_api.services, keep_days=365, reason="test")
    answer = await fresh_api.query(PAGE, {"after": begin})
    assert answer.codes == ["HISTORY_PURGED"]
    go_on = answer.messages[0].rpartition(" ")[2]
    answer = await fresh_api.query(PAGE, {"after": go_on})
    assert len(answer.data["changes"]["nodes"]) == 2
    assert len((await fresh_api.query(PAGE)).data["changes"]["nodes"]) == 2
    assert len((await fresh_api.query(PAGE, {"after": others}, firms=[TWO])).data["changes"]["nodes"]) == 1
    assert len((await fresh_api.query(PAGE, {"after": begin}, firms=[TWO])).data["changes"]["nodes"]) == 2
    async with subscribed(fresh_api, FEED, variables={"a": begin}) as socket:
        error = (await hear(socket))["payload"]["errors"][0]
        assert error["extensions"]["code"] == "HISTORY_PURGED"
    async with subscribed(fresh_api, FEED, variables={"a": go_on}) as socket:
        assert (await hear(socket))["payload"]["data"]["changes"]["id"]


QUERIES = {
    "the feed of a firm": ("query ($a: String) { changes(first: 20, after: $a) { nodes { id } } }", [ONE]),
    "the feed of several": ("query ($a: String) { changes(first: 20, after: $a) { nodes { id } } }", [ONE, TWO]),
    "the end of the feed": ("{ changes(last: 20) { nodes { id } } }", [ONE]),
    "the history of a record": ("{ contact(clioId: 7) { history(first: 5) { nodes { id } } } }", [ONE]),
    "a change by its id": ('{ node(id: "%s") { id } }', [ONE]),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_reads_of_many_partitions_scan_indexes_and_sort_nothing(
    fresh_api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = Past(fresh_api.services)
    await past.by_month(24)
    for count in range(24):
        await past.write(300, at=months_ago(count))
        await past.write(300, at=months_ago(count), firm=TWO)
    await past.pool.execute("ANALYZE change")
    cursor = (await fresh_api.query(PAGE)).data["changes"]["pageInfo"]["endCursor"]
    number = (await past.changes())[100]["id"]
    reading = fresh_api.services.database.reading
    statements: list[tuple[str, tuple[object, ...]]] = []
    fetchrow = type(reading).fetchrow

    async def noted(self: object, text: str, *values: object) -> object:
        statements.append((text, values))
        return await fetchrow(self, text, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(type(reading), "fetchrow", noted)
    document, firms = QUERIES[name]
    document = document % gid("Change", ONE, number) if "%s" in document else document
    variables = {"a": cursor} if "$a" in document else {}
    assert (await fresh_api.query(document, variables, firms=firms)).data
    [(text, values)] = statements
    plan = "\n".join(row[0] for row in await past.pool.fetch(f"EXPLAIN {text}", *values))
    lines = [line for line in plan.splitlines() if "change" in line]
    assert len(lines) > 24, plan
    # An empty partition has no page to read.
    scans = [line for line in lines if "cost=0.00..0.00" not in line]
    assert [line for line in scans if "Seq Scan" in line or "Bitmap" in line] == []
    assert ("Merge Append" in plan) == (name != "a change by its id"), plan


async def test_sealing_is_not_seen_by_the_feed(fresh_api: Api) -> None:
    past = Past(fresh_api.services)
    await past.write(3)
    before = (await fresh_api.query(PAGE)).data
    await sealing.seal_all(fresh_api.services, turn_s=0)
    assert (await fresh_api.query(PAGE)).data == before


async def test_disconnecting_a_firm_deletes_nothing_of_its_history(fresh_api: Api) -> None:
    past = Past(fresh_api.services)
    await past.write(3)
    await past.seal()
    await holds.place_hold(fresh_api.services, ONE, reason="Doe v. Roe", by="counsel")

    async def kept() -> list[int]:
        tables = ("change", "history_seal", "legal_hold", "webhook_delivery")
        return [await past.pool.fetchval(f"SELECT count(*) FROM {name} WHERE firm = 1") for name in tables]

    before = await kept()
    document = "mutation ($id: ID!) { disconnectFirm(id: $id) { firm { state } errors { code } } }"
    answer = await fresh_api.query(document, {"id": gid("Firm", ONE, ONE)}, scopes=("write",))
    assert answer.data["disconnectFirm"]["firm"]["state"] == "disconnected"
    assert await kept() == before
    assert before[:3] == [3, 2, 1]
