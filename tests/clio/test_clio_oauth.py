"""The firm's grant: given once, kept encrypted, renewed once, and declared dead only when it is."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.clio.priority import Priority
from core.errors import ClioGrantDead, ClioInvalidRequest, ClioUnavailable, NotFound, OAuthStateInvalid
from core.services import Services
from core.settings import Settings
from core.testing.driving import CLIENT_ID, Control, approve, approve_redirect
from mock_clio.server import MockClioServer


async def token_requests(control: Control) -> int:
    return len(await control.requests("/oauth/token"))


async def test_an_authorization_makes_a_connected_firm(services: Services, firm: int) -> None:
    row = await services.database.pool.fetchrow("SELECT * FROM firm WHERE id = $1", firm)
    assert row is not None
    assert (row["region"], row["state"], row["name"]) == ("us", "connected", "Lee & Partners")


async def test_connecting_again_keeps_the_firm(services: Services, firm: int) -> None:
    state, code = await approve(await services.accounts.authorize_url("us"))
    assert await services.accounts.complete(state=state, code=code) == firm
    assert await services.database.pool.fetchval("SELECT version FROM oauth_token") == 2


async def test_tokens_and_states_are_not_stored_readably(
    services: Services, firm: int, mock_clio: MockClioServer
) -> None:
    access = await services.accounts.access(firm)
    url = await services.accounts.authorize_url("us")
    row = await services.database.pool.fetchrow("SELECT access_token, refresh_token FROM oauth_token")
    assert row is not None
    assert access.access_token.encode() not in row["access_token"] + row["refresh_token"]
    stored = await services.database.pool.fetchval("SELECT string_agg(state, ' ') FROM oauth_state")
    assert parse_qs(urlsplit(url).query)["state"][0] not in stored
    assert access.access_token not in repr(access)
    assert mock_clio.url == access.base_url


async def test_a_state_is_good_once(services: Services) -> None:
    state, code = await approve(await services.accounts.authorize_url("us"))
    await services.accounts.complete(state=state, code=code)
    with pytest.raises(OAuthStateInvalid, match="start again with connectFirm"):
        await services.accounts.complete(state=state, code=code)


async def test_a_state_of_somebody_else_or_too_old_is_refused(services: Services) -> None:
    with pytest.raises(OAuthStateInvalid):
        await services.accounts.complete(state="made up", code="any")
    state, code = await approve(await services.accounts.authorize_url("us"))
    await services.database.pool.execute("UPDATE oauth_state SET created_at = now() - interval '11 minutes'")
    with pytest.raises(OAuthStateInvalid):
        await services.accounts.complete(state=state, code=code)


async def test_a_code_that_clio_does_not_know_is_refused(services: Services) -> None:
    state, _ = await approve(await services.accounts.authorize_url("us"))
    with pytest.raises(ClioInvalidRequest, match="invalid_grant"):
        await services.accounts.complete(state=state, code="made-up")


async def test_an_unknown_application_is_told_of_the_region(settings: Settings, services: Services) -> None:
    state, code = await approve(await services.accounts.authorize_url("us"))
    stranger = Services(settings.model_copy(update={"clio_client_id": "of-another-region"}), services.registry)
    async with stranger.open():
        with pytest.raises(ClioInvalidRequest, match="registered in this very region"):
            await stranger.accounts.complete(state=state, code=code)


async def test_declining_comes_back_as_an_error(services: Services) -> None:
    location = await approve_redirect(await services.accounts.authorize_url("us"), decision="decline")
    assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]


async def test_an_expired_token_is_renewed_once_however_many_need_it(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    client = services.accounts.client(firm)
    await client.who_am_i()
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    before = await token_requests(control)
    second = Services(settings, services.registry)
    async with second.open():
        clients = [client, second.accounts.client(firm)] * 10
        names = await asyncio.gather(*(each.who_am_i() for each in clients))
    assert len({name["id"] for name in names}) == 1
    assert await token_requests(control) - before == 1


async def test_a_token_about_to_end_is_renewed_before_it_is_used(
    services: Services, firm: int, control: Control
) -> None:
    await services.database.pool.execute("UPDATE oauth_token SET expires_at = now() + interval '1 minute'")
    before = await token_requests(control)
    await services.accounts.client(firm).who_am_i()
    assert await token_requests(control) - before == 1
    assert all(entry["status"] == 200 for entry in await control.requests())


async def test_a_revoked_grant_is_declared_dead(services: Services, firm: int, control: Control) -> None:
    await control.call("POST", "tokens/revoke", {"client_id": CLIENT_ID})
    with pytest.raises(ClioGrantDead, match="connect the firm again"):
        await services.accounts.client(firm).who_am_i()
    assert await services.database.pool.fetchval("SELECT state FROM firm") == "grant_dead"
    with pytest.raises(NotFound, match="not connected"):
        await services.accounts.client(firm).who_am_i()


async def test_a_token_endpoint_that_fails_for_a_while_kills_no_grant(
    services: Services, firm: int, control: Control
) -> None:
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await control.fail(prefix="/oauth/token", status=503, count=20)
    with pytest.raises(ClioUnavailable):
        await services.accounts.client(firm).request("POST", "webhooks.json", priority=Priority.INTERACTIVE, json={})
    await control.call("DELETE", "faults")
    await services.accounts.client(firm).who_am_i()
    assert await services.database.pool.fetchval("SELECT state FROM firm") == "connected"


async def test_disconnecting_gives_the_grant_back(services: Services, firm: int) -> None:
    access = await services.accounts.access(firm)
    await services.accounts.disconnect(firm)
    assert await services.database.pool.fetchval("SELECT count(*) FROM oauth_token") == 0
    assert await services.database.pool.fetchval("SELECT state FROM firm") == "disconnected"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {access.access_token}"}) as http:
        assert (await http.get(f"{access.base_url}/api/v4/users/who_am_i")).status_code == 401
