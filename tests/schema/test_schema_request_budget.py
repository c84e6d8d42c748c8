"""The request budget through GraphQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.clio.budget_scripts import keys_of
from core.clio.priority import Priority
from core.testing.api import Api
from tests.schema.schema_data import ONE, TWO

BUDGET = """query($firm: ID) {
  requestBudget(firm: $firm) { firm limit used endsAt blockedUntil isShared waiting { kind requests etaS } }
}"""


async def test_a_budget_nobody_used_is_whole(fresh_api: Api) -> None:
    [budget] = (await fresh_api.query(BUDGET)).data["requestBudget"]
    assert budget == {
        "firm": str(ONE),
        "limit": 50,
        "used": 0,
        "endsAt": None,
        "blockedUntil": None,
        "isShared": True,
        "waiting": [],
    }


async def test_it_says_who_waits_and_how_long(fresh_api: Api) -> None:
    shared = fresh_api.services.accounts.budget
    await shared.block(ONE, 30)
    async with waiting_request(fresh_api):
        [budget] = (await fresh_api.query(BUDGET, {"firm": str(ONE)})).data["requestBudget"]
    assert budget["blockedUntil"] is not None
    [waiting] = budget["waiting"]
    assert (waiting["kind"], waiting["requests"]) == ("WEBHOOK", 1)
    assert 25 < waiting["etaS"] <= 30


@asynccontextmanager
async def waiting_request(api: Api) -> AsyncIterator[None]:
    """Let a delivery's request wait, as another process would."""
    redis, key = api.services.redis, keys_of(ONE)[2 + [*Priority].index(Priority.WEBHOOK)]
    seconds, _ = await redis.time()
    await redis.zadd(key, {"of another process": (seconds + 30) * 1000})
    yield
    await redis.delete(key)


async def test_another_firms_budget_is_not_told(fresh_api: Api) -> None:
    assert (await fresh_api.query(BUDGET, {"firm": str(TWO)})).codes == ["FORBIDDEN"]
