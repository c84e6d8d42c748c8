"""`clio-service budget`: the budgets of connected firms as text and as JSON."""

import json

from core.services import Services
from core.settings import Settings
from tests.commands.shell import shell


async def test_it_shows_every_connected_firm(services: Services, settings: Settings) -> None:
    await services.database.pool.execute(
        """INSERT INTO firm (id, region, clio_account_id, name, state)
           VALUES (1, 'us', 1, '', 'connected'), (2, 'eu', 2, '', 'disconnected')"""
    )
    await services.accounts.budget.block(1, 50)
    status, stdout, stderr = await shell(settings, "budget")
    assert status == 0, stderr
    assert stdout.startswith("firm 1: 0 of 50 used, clio asks for a pause of ")
    assert "firm 2" not in stdout
    status, stdout, stderr = await shell(settings, "budget", "--firm", "1", "--json")
    [budget] = json.loads(stdout)
    assert (budget["firm"], budget["limit"], budget["is_shared"], budget["waiting"]) == (1, 50, True, [])
    status, stdout, stderr = await shell(settings, "budget", "--firm", "2")
    assert (status, stdout) == (1, "")
    assert "no connected firm 2" in stderr
