"""The feed of changes: every change once, in order, none missed, by the query and by the subscription."""

import asyncio
import contextlib
import random

from core.testing.api import Api
from tests.schema.history_writers import write_at_once
from tests.schema.live_clients import hear, hub_of, settled, subscribed
from tests.schema.schema_data import ONE, TWO

FEED = "subscription ($after: String) { changes(after: $after) { id firm cursor } }"
PAGE = """query ($after: String, $first: Int) { changes(after: $after, first: $first) {
    nodes { id cursor } edges { cursor node { firm } } pageInfo { endCursor } } }"""
CLIENTS = 40


def numbers(ids: list[str]) -> list[int]:
    return [int(each.rpartition(":")[2]) for each in ids]


async def order_of(api: Api, firm: int = ONE) -> list[int]:
    """Return the ids of all changes of a firm in commit order, as the table has them when nobody writes."""
    rows = await api.services.database.pool.fetch(
        "SELECT id FROM change WHERE firm = $1 ORDER BY committed_in, id", firm
    )
    return [row["id"] for row in rows]


async def page_through(api: Api, done: asyncio.Event, first: int) -> list[int]:
    """Page by cursor, until the writers are done and nothing follows."""
    heard: list[str] = []
    after = None
    while True:
        ended = done.is_set()
        answer = await api.query(PAGE, variables={"after": after, "first": first})
        nodes = answer.data["changes"]["nodes"]
        heard += [node["id"] for node in nodes]
        after = nodes[-1]["cursor"] if nodes else after
        if ended and not nodes:
            return numbers(heard)


async def test_a_cursor_never_passes_a_transaction_that_is_open(fresh_api: Api, database_url: str) -> None:
    await fresh_api.services.database.pool.execute("DELETE FROM change")
    done = asyncio.Event()
    readers = [asyncio.create_task(page_through(fresh_api, done, first)) for first in (1, 7, 40)]
    written = await write_at_once(database_url, firm=ONE)
    done.set()
    expected = await order_of(fresh_api)
    assert set(expected) == written
    for reader in readers:
        assert await reader == expected


class Client:
    """Listens to the feed, is cut off now and then, and resumes by the cursor of what it heard last."""

    def __init__(self, api: Api, seed: int, after: str, *, leaves: bool) -> None:
        self.api, self.after, self.leaves = api, after, leaves
        self.chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self.heard: list[int] = []

    async def listen(self) -> None:
        while True:
            async with subscribed(self.api, FEED, variables={"after": self.after}) as socket:
                left = self.chance.randint(1, 30) if self.leaves else -1
                while left:
                    left -= 1
                    change = (await hear(socket, 30))["payload"]["data"]["changes"]
                    self.heard += numbers([change["id"]])
                    self.after = change["cursor"]


async def test_subscribers_that_come_and_go_hear_every_change_once_in_order(fresh_api: Api, database_url: str) -> None:
    await fresh_api.services.database.pool.execute("DELETE FROM change WHERE id > 1")
    await write_at_once(database_url, firm=ONE, changes=1, writers=1)
    begin = (await fresh_api.query(PAGE, variables={"first": 40})).data["changes"]["nodes"][-1]
    clients = [Client(fresh_api, seed, begin["cursor"], leaves=seed % 3 == 0) for seed in range(CLIENTS)]
    tasks = [asyncio.create_task(client.listen()) for client in clients]
    try:
        await settled(lambda: len(hub_of(fresh_api)) == CLIENTS)
        await write_at_once(database_url, firm=ONE)
        order = await order_of(fresh_api)
        expected = order[order.index(numbers([begin["id"]])[0]) + 1 :]
        await settled(lambda: all(len(client.heard) >= len(expected) for client in clients), within_s=60)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    for client in clients:
        assert client.heard == expected


async def test_a_firm_hears_its_own_changes_alone(fresh_api: Api, database_url: str) -> None:
    pool = fresh_api.services.database.pool
    async with subscribed(fresh_api, FEED) as socket:
        await settled(lambda: "changes" in hub_of(fresh_api).feeds and hub_of(fresh_api).feeds["changes"].groups == 1)
        await write_at_once(database_url, firm=TWO, changes=1, writers=1)
        await write_at_once(database_url, firm=ONE, changes=1, writers=1)
        assert (await hear(socket))["payload"]["data"]["changes"]["firm"] == str(ONE)
    answer = await fresh_api.query(PAGE, variables={"first": 40})
    assert {edge["node"]["firm"] for edge in answer.data["changes"]["edges"]} <= {str(ONE)}
    assert await pool.fetchval("SELECT count(*) FROM change WHERE firm = $1", TWO) >= 1


async def test_who_is_too_far_behind_is_told_to_read_the_list(fresh_api: Api) -> None:
    pool = fresh_api.services.database.pool
    insert = """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source)
        SELECT 1, 'contact', n, 'deleted', now(), 'webhook' FROM generate_series(1, $1::int) AS n"""
    await pool.execute(insert, 1)
    begin = (await fresh_api.query(PAGE, variables={"first": 1})).data["changes"]["nodes"][0]["cursor"]
    await pool.execute(insert, 1_100)
    async with subscribed(fresh_api, FEED, variables={"after": begin}) as socket:
        error = (await hear(socket))["payload"]["errors"][0]
        assert error["extensions"]["code"] == "TOO_FAR_BEHIND"


async def test_the_history_of_a_record_is_newest_first(fresh_api: Api) -> None:
    pool = fresh_api.services.database.pool
    contact = await pool.fetchval("SELECT clio_id FROM contacts_contact WHERE firm = $1 ORDER BY id LIMIT 1", ONE)
    for text in ("Ada", "Bea"):
        await pool.execute(
            """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, before, after)
            VALUES ($1, 'contact', $2, 'updated', now(), 'webhook', '{"name": "A"}',
                    jsonb_build_object('name', $3::text))""",
            *(ONE, contact, text),
        )
    document = """query ($id: ID!) { contact(clioId: $id) { history(first: 2) {
        nodes { operation before after changedFields source recordedAt syncRun { id } } } } }"""
    answer = await fresh_api.query(document, variables={"id": str(contact)})
    nodes = answer.data["contact"]["history"]["nodes"]
    assert [node["after"] for node in nodes] == [{"name": "Bea"}, {"name": "Ada"}]
    assert nodes[0]["before"] == {"name": "A"}
    assert nodes[0]["changedFields"] == ["name"]
    assert nodes[0]["syncRun"] is None
