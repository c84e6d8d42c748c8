"""One refresh, however many ask for it, and a grant that outlives the process that was refreshing it."""

import asyncio
import sys
from contextlib import AsyncExitStack

import asyncpg
import pytest

from core.clio.priority import Priority
from core.errors import ClioGrantDead
from core.services import Services
from core.settings import Settings
from core.testing.driving import CLIENT_ID, Control, until
from tests.commands.shell import environment_of

CALLERS = 50
ASK = """
import asyncio, sys
from core.loading import load_plugins
from core.process import running_services
from core.settings import load_settings

async def ask():
    async with running_services(load_settings(), load_plugins()) as services:
        await services.accounts.client(int(sys.argv[1])).who_am_i()

asyncio.run(ask())
"""


async def token_requests(control: Control) -> int:
    return len(await control.requests("/oauth/token"))


async def ask_at_once(settings: Settings, services: Services, firm: int) -> None:
    """Let callers of three processes' worth of accounts need a token at the same time."""
    others = [Services(settings, services.registry) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for each in others:
            await stack.enter_async_context(each.open())
        clients = [each.accounts.client(firm) for each in (services, *others)]
        calls = (clients[number % 3].rights(priority=Priority.INTERACTIVE) for number in range(CALLERS))
        await asyncio.gather(*calls)


@pytest.mark.parametrize("rotates", [False, True])
async def test_fifty_callers_cause_one_refresh(
    settings: Settings, services: Services, firm: int, control: Control, *, rotates: bool
) -> None:
    await control.call("PATCH", "switches", {"refresh_rotates": rotates, "refresh_ends_old_token": True})
    for _ in range(2):
        await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
        before = await token_requests(control)
        await ask_at_once(settings, services, firm)
        assert await token_requests(control) - before == 1


async def kill_between_answer_and_commit(settings: Settings, firm: int, control: Control) -> None:
    """Let a process refresh the token, and kill it when Clio has answered and nothing is stored yet.

    The lock lets it lock the token's row, and holds up what it writes afterwards.
    """
    before = await token_requests(control)
    assert settings.database_url is not None
    database = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        await control.fail(prefix="/oauth/token", delay=0.5)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ASK, str(firm)), env=environment_of(settings), stderr=asyncio.subprocess.DEVNULL
        )
        await until(lambda: _row_is_locked(database))
        async with database.transaction():
            await database.execute("LOCK TABLE oauth_token IN SHARE MODE")
            await until(lambda: _somebody_waits(database))
            assert await token_requests(control) - before == 1
            process.kill()
            await process.wait()
    finally:
        await database.close()


async def _row_is_locked(database: asyncpg.Connection) -> bool:
    locked = "relation = 'oauth_token'::regclass AND mode = 'RowShareLock' AND granted"
    return bool(await database.fetchval(f"SELECT EXISTS (SELECT FROM pg_locks WHERE {locked})"))


async def _somebody_waits(database: asyncpg.Connection) -> bool:
    waits = "relation = 'oauth_token'::regclass AND mode = 'RowExclusiveLock' AND NOT granted"
    return bool(await database.fetchval(f"SELECT EXISTS (SELECT FROM pg_locks WHERE {waits})"))


@pytest.mark.parametrize("grace_s", [None, 60])
async def test_a_process_that_dies_with_the_answer_costs_one_more_refresh(
    settings: Settings, services: Services, firm: int, control: Control, *, grace_s: int | None
) -> None:
    rotation = {} if grace_s is None else {"refresh_rotates": True, "rotated_token_grace_s": grace_s}
    await control.call("PATCH", "switches", {"refresh_ends_old_token": True, **rotation})
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await kill_between_answer_and_commit(settings, firm, control)
    before = await token_requests(control)
    await ask_at_once(settings, services, firm)
    assert await token_requests(control) - before == 1
    assert await services.database.pool.fetchval("SELECT state FROM firm WHERE id = $1", firm) == "connected"


async def test_a_rotated_token_that_died_with_its_process_pauses_the_firm_at_once(
    settings: Settings, services: Services, firm: int, control: Control
) -> None:
    await control.call("PATCH", "switches", {"refresh_rotates": True, "refresh_ends_old_token": True})
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    await kill_between_answer_and_commit(settings, firm, control)
    before = await token_requests(control)
    with pytest.raises(ClioGrantDead, match="connect the firm again"):
        await services.accounts.client(firm).who_am_i()
    assert await token_requests(control) - before == 1, "nobody asks over and over"
    assert await services.database.pool.fetchval("SELECT state FROM firm WHERE id = $1", firm) == "grant_dead"
