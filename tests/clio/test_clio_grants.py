"""Grants that change while they are used: by another process, by a rotation, or by a person who connects again."""

import asyncio

import pytest

from core.errors import ClioError, ClioGrantDead, ClioRateLimited, NotFound
from core.services import Services
from core.settings import Settings
from core.testing.driving import CLIENT_ID, Control, approve, until
from mock_clio.server import MockClioServer


async def renewal_began(mock_clio: MockClioServer) -> None:
    """Wait until the fault that was laid at the token endpoint has been met."""

    async def met() -> bool:
        return not mock_clio.state.faults.requests

    await until(met)


async def state_of(services: Services, firm: int) -> str:
    return str(await services.database.pool.fetchval("SELECT state FROM firm WHERE id = $1", firm))


async def test_a_token_that_another_process_stored_is_used_at_once(
    services: Services, settings: Settings, firm: int
) -> None:
    old = await services.accounts.access(firm)
    elsewhere = Services(settings, services.registry)
    async with elsewhere.open():
        state, code = await approve(await elsewhere.accounts.authorize_url("us"))
        await elsewhere.accounts.complete(state=state, code=code)
        new = await services.accounts.access(firm)
        await elsewhere.accounts.disconnect(firm)
        state, code = await approve(await elsewhere.accounts.authorize_url("us"))
        await elsewhere.accounts.complete(state=state, code=code)
    newest = await services.accounts.access(firm)
    assert (old.version, new.version, newest.version) == (1, 2, 1)
    assert len({old.access_token, new.access_token, newest.access_token}) == 3


async def test_a_renewal_does_not_occupy_the_database(settings: Settings, services: Services, firm: int) -> None:
    narrow = Services(settings.model_copy(update={"database_pool_size": 2}), services.registry)
    control = Control(str(settings.clio_base_url).rstrip("/"))
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await control.fail(prefix="/oauth/token", delay=0.6)
    async with narrow.open():
        calls = [asyncio.create_task(narrow.accounts.client(firm).who_am_i()) for _ in range(10)]
        await until_no_faults(control)
        assert await narrow.database.pool.fetchval("SELECT 1") == 1
        assert not any(call.done() for call in calls)
        await asyncio.gather(*calls)


async def until_no_faults(control: Control) -> None:
    async def met() -> bool:
        return not (await control.call("GET", "faults"))["requests"]

    await until(met)


async def test_a_rotated_refresh_token_survives_the_caller(
    services: Services, firm: int, control: Control, mock_clio: MockClioServer
) -> None:
    await control.call("PATCH", "switches", {"refresh_rotates": True, "refresh_ends_old_token": True})
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await control.fail(prefix="/oauth/token", delay=0.3)
    caller = asyncio.create_task(services.accounts.client(firm).who_am_i())
    await renewal_began(mock_clio)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await services.accounts.client(firm).who_am_i()
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await services.accounts.client(firm).who_am_i()
    assert await state_of(services, firm) == "connected"
    assert await services.database.pool.fetchval("SELECT version FROM oauth_token") == 3


async def test_connecting_again_wins_over_a_refusal_that_is_still_under_way(
    services: Services, firm: int, control: Control, mock_clio: MockClioServer
) -> None:
    await control.call("POST", "tokens/revoke", {"client_id": CLIENT_ID})
    await control.fail(prefix="/oauth/token", delay=0.4)
    caller = asyncio.create_task(services.accounts.client(firm).who_am_i())
    await renewal_began(mock_clio)
    state, code = await approve(await services.accounts.authorize_url("us"))
    assert await services.accounts.complete(state=state, code=code) == firm
    with pytest.raises(ClioGrantDead):
        await caller
    assert await state_of(services, firm) == "connected"
    await services.accounts.client(firm).who_am_i()


async def test_a_dead_grant_is_told_once(
    services: Services,
    firm: int,
    control: Control,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await control.call("POST", "tokens/revoke", {"client_id": CLIENT_ID})
    calls = [services.accounts.client(firm).who_am_i() for _ in range(10)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in ended} <= {ClioGrantDead, NotFound}
    assert any(isinstance(each, ClioGrantDead) for each in ended)
    assert sum("firm_grant_dead" in record.getMessage() for record in caplog.records) == 1
    assert await state_of(services, firm) == "grant_dead"
    assert capsys.readouterr().out == ""


async def test_a_token_that_cannot_be_renewed_yet_is_used_to_its_end(
    services: Services, firm: int, control: Control
) -> None:
    await services.database.pool.execute("UPDATE oauth_token SET expires_at = now() + interval '1 minute'")
    await control.fail(prefix="/oauth/token", status=503, count=20)
    await services.accounts.client(firm).who_am_i()
    await services.database.pool.execute("UPDATE oauth_token SET expires_at = now(), version = 2")
    with pytest.raises(ClioError, match="token endpoint"):
        await services.accounts.access(firm)
    assert await state_of(services, firm) == "connected"


async def test_a_token_endpoint_that_wants_peace_is_a_rate_limit(
    services: Services, firm: int, control: Control
) -> None:
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await control.fail(prefix="/oauth/token", status=429, retry_after=9, count=20)
    with pytest.raises(ClioRateLimited) as caught:
        await services.accounts.client(firm).who_am_i()
    assert caught.value.retry_after_s == 9
    assert await state_of(services, firm) == "connected"
