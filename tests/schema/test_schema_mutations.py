"""Mutations: runs asked for and cancelled, firms connected and disconnected, errors in the payload."""

from core.testing.api import Api, gid
from tests.schema.schema_data import ONE, TWO

WRITE = ("read", "write")
SYNC = """mutation($resource: String, $full: Boolean, $firm: ID) {
  syncNow(resource: $resource, full: $full, firm: $firm) {
    runs { id firm resource kind state progress } errors { code message path }
  }
}"""


async def test_sync_now_asks_for_a_run_of_every_resource_of_the_callers_firms(fresh_api: Api) -> None:
    payload = (await fresh_api.query(SYNC, scopes=WRITE)).data["syncNow"]
    assert payload["errors"] == []
    assert [(run["firm"], run["resource"]) for run in payload["runs"]] == [
        ("1", resource.name) for resource in fresh_api.services.registry.resources
    ]
    assert {(run["kind"], run["state"], run["progress"]) for run in payload["runs"]} == {("backfill", "queued", None)}
    again = (await fresh_api.query(SYNC, {"full": True}, scopes=WRITE)).data["syncNow"]
    assert sorted(run["id"] for run in again["runs"]) == sorted(run["id"] for run in payload["runs"])


async def test_sync_now_of_one_resource_and_firm(fresh_api: Api) -> None:
    variables = {"resource": "contact", "firm": gid("Firm", TWO, TWO)}
    payload = (await fresh_api.query(SYNC, variables, firms=[ONE, TWO], scopes=WRITE)).data["syncNow"]
    assert [(run["firm"], run["resource"]) for run in payload["runs"]] == [("2", "contact")]


async def test_what_the_domain_refuses_is_in_the_payload(fresh_api: Api) -> None:
    payload = (await fresh_api.query(SYNC, {"resource": "dragon"}, scopes=WRITE)).data["syncNow"]
    assert payload["runs"] == []
    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["resource"])
    assert error["message"].startswith("there is no resource 'dragon'; there are: ")


async def test_cancel_sync_cancels_a_queued_run_and_leaves_a_finished_one(fresh_api: Api) -> None:
    asked = (await fresh_api.query(SYNC, {"resource": "user"}, scopes=WRITE)).data["syncNow"]["runs"][0]["id"]
    document = "mutation($id: ID!) { cancelSync(id: $id) { cancelled run { id state } errors { code } } }"
    payload = (await fresh_api.query(document, {"id": asked}, scopes=WRITE)).data["cancelSync"]
    assert payload == {"cancelled": True, "run": {"id": asked, "state": "cancelled"}, "errors": []}
    payload = (await fresh_api.query(document, {"id": asked}, scopes=WRITE)).data["cancelSync"]
    assert payload == {"cancelled": False, "run": {"id": asked, "state": "cancelled"}, "errors": []}
    payload = (await fresh_api.query(document, {"id": "x"}, scopes=WRITE)).data["cancelSync"]
    assert (payload["run"], payload["errors"]) == (None, [{"code": "BAD_USER_INPUT"}])


async def test_connect_firm_answers_with_clios_address(fresh_api: Api) -> None:
    document = "mutation { connectFirm(region: EU) { authorizeUrl errors { code } } }"
    payload = (await fresh_api.query(document, scopes=WRITE)).data["connectFirm"]
    assert payload["errors"] == []
    assert payload["authorizeUrl"].startswith("https://eu.app.clio.com/oauth/authorize?")


async def test_disconnect_firm_marks_the_firm(fresh_api: Api) -> None:
    document = "mutation($id: ID!) { disconnectFirm(id: $id) { firm { id state } errors { code message } } }"
    variables = {"id": gid("Firm", ONE, ONE)}
    payload = (await fresh_api.query(document, variables, scopes=WRITE)).data["disconnectFirm"]
    assert payload == {"firm": {"id": variables["id"], "state": "disconnected"}, "errors": []}


async def test_admin_may_read_and_write_and_write_alone_may_not_read(fresh_api: Api) -> None:
    assert (await fresh_api.query("{ me { scopes } }", scopes=("admin",))).data == {"me": {"scopes": ["admin"]}}
    assert (await fresh_api.query(SYNC, scopes=("admin",))).data["syncNow"]["errors"] == []
    assert (await fresh_api.query("{ me { scopes } }", scopes=("write",))).codes == ["FORBIDDEN"]
