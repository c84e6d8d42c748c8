"""A token that sees less than yesterday, a user who is another one, and a grant that is given up while Clio is away."""

from typing import Any

import pytest

from core.clio.rights import look_at_rights
from core.errors import ClioInvalidRequest
from core.services import Services
from core.settings import Settings
from core.sync import engine
from core.sync.requesting import request_runs
from core.testing.driving import CLIENT_ID, Control, approve
from mock_clio.server import MockClioServer


async def findings(services: Services, *, standing: bool = True) -> list[tuple[str, str | None, dict[str, Any]]]:
    rows = await services.database.pool.fetch(
        "SELECT kind, resource, details FROM access_finding WHERE (resolved_at IS NULL) = $1 ORDER BY id", standing
    )
    return [(row["kind"], row["resource"], row["details"]) for row in rows]


async def sync(services: Services, firm: int, resource: str) -> str:
    [run] = await request_runs(services, firms=[firm], resource=resource, full=True)
    return await engine.work_on(services, run, owner="test")


async def test_a_resource_that_clio_refuses_is_found_once_and_resolved(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", status=403, count=2)
    for _ in range(2):
        assert await sync(services, firm, "contact") == "failed"
    [(kind, resource, _)] = await findings(services)
    assert (kind, resource) == ("forbidden", "contact")
    assert await sync(services, firm, "matter") == "succeeded"
    assert len(await findings(services)) == 1, "it is about contacts"
    assert await sync(services, firm, "contact") == "succeeded"
    assert await findings(services) == []
    assert len(await findings(services, standing=False)) == 1


async def test_rights_that_change_are_found_and_resolved_when_they_are_back(
    services: Services, firm: int, control: Control
) -> None:
    assert await look_at_rights(services) == 1
    assert await look_at_rights(services) == 0, "an hour has not passed"
    me = (await services.accounts.client(firm).who_am_i())["id"]
    before = await services.database.pool.fetchval("SELECT rights FROM oauth_token")
    was = before["account_owner"]
    for owner in (not was, was):
        await control.edit("users", me, account_owner=owner)
        await services.database.pool.execute("UPDATE oauth_token SET rights_at = now() - interval '2 h'")
        assert await look_at_rights(services) == 1
        if owner != was:
            [(kind, resource, details)] = await findings(services)
            assert (kind, resource) == ("rights_changed", None)
            assert details == {"before": before, "after": {**before, "account_owner": owner}}
    assert await findings(services) == []


@pytest.mark.usefixtures("firm")
async def test_another_user_who_connects_the_firm_is_shown(services: Services) -> None:
    first = await services.database.pool.fetchval("SELECT clio_user_id FROM oauth_token")
    await services.database.pool.execute("UPDATE oauth_token SET clio_user_id = 1")
    await connect(services)
    assert await findings(services) == [("user_changed", None, {"before": 1, "after": first})]


async def connect(services: Services) -> int:
    state, code = await approve(await services.accounts.authorize_url("us"))
    return await services.accounts.complete(state=state, code=code)


async def test_connecting_again_keeps_what_the_firm_has(services: Services, firm: int, control: Control) -> None:
    assert await sync(services, firm, "contact") == "succeeded"
    pool = services.database.pool
    count = """SELECT (SELECT count(*) FROM contacts_contact WHERE firm = $1),
        (SELECT count(*) FROM change WHERE firm = $1),
        (SELECT high_water_at FROM sync_cursor WHERE firm = $1 AND resource = 'contact')"""
    before = tuple(await pool.fetchrow(count, firm) or ())
    await control.call("POST", "tokens/revoke", {"client_id": CLIENT_ID})
    await services.accounts.disconnect(firm)
    assert await connect(services) == firm
    assert tuple(await pool.fetchrow(count, firm) or ()) == before
    assert before[0] > 0


async def test_an_application_that_clio_does_not_know_kills_no_grant(
    settings: Settings, services: Services, firm: int, control: Control
) -> None:
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    stranger = Services(settings.model_copy(update={"clio_client_id": "unknown"}), services.registry)
    async with stranger.open():
        with pytest.raises(ClioInvalidRequest, match="CLIO_CLIENT_ID"):
            await stranger.accounts.client(firm).who_am_i()
    assert await services.database.pool.fetchval("SELECT state FROM firm") == "connected"
    await services.accounts.client(firm).who_am_i()


async def test_a_grant_that_clio_does_not_take_now_is_given_back_later(
    services: Services, firm: int, control: Control, mock_clio: MockClioServer
) -> None:
    access = await services.accounts.access(firm)
    await control.fail(prefix="/oauth/deauthorize", status=503)
    await services.accounts.disconnect(firm)
    assert mock_clio.state.grants.find(access.access_token) is not None
    assert await services.database.pool.fetchval("SELECT count(*) FROM oauth_token") == 0
    await services.accounts.give_back_due()
    assert mock_clio.state.grants.find(access.access_token) is not None, "not before its time"
    await services.database.pool.execute("UPDATE oauth_revocation SET not_before_at = now()")
    await services.accounts.give_back_due()
    assert mock_clio.state.grants.find(access.access_token) is None
    assert await services.database.pool.fetchval("SELECT count(*) FROM oauth_revocation") == 0
