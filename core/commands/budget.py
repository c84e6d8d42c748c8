"""The command that shows how much of Clio's rate limit is left, and who waits for it."""

import asyncio
import dataclasses
import json
from typing import Any

import click

from core.clio.budget_state import BudgetState
from core.errors import NotFound
from core.loading import load_plugins
from core.process import running_services
from core.settings import load_settings


@click.command(epilog="Example: clio-service budget --firm 1 --json")
@click.option("--firm", type=int, help="One firm; all connected ones unless given.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def budget(firm: int | None, *, as_json: bool) -> None:
    """Show the request budgets of connected firms; asks Clio nothing."""
    found = asyncio.run(_budgets(firm))
    if as_json:
        click.echo(json.dumps([_as_dict(number, state) for number, state in found.items()], indent=2))
        return
    for number, state in found.items():
        click.echo(_as_text(number, state))


async def _budgets(firm: int | None) -> dict[int, BudgetState]:
    async with running_services(load_settings(), load_plugins()) as services:
        found = await services.accounts.budgets(None if firm is None else [firm])
        if firm is not None and not found:
            raise NotFound(f"there is no connected firm {firm}: `clio-service budget` shows those there are")
        return found


def _as_dict(firm: int, state: BudgetState) -> dict[str, Any]:
    waiting = [{"kind": each.priority.value, "requests": each.requests, "eta_s": each.eta_s} for each in state.waiting]
    return {"firm": firm, **dataclasses.asdict(state), "waiting": waiting}


def _as_text(firm: int, state: BudgetState) -> str:
    parts = [f"firm {firm}: {state.used} of {state.limit} used"]
    if state.ends_in_s:
        parts.append(f"window ends in {state.ends_in_s:.0f} s")
    if state.blocked_for_s:
        parts.append(f"clio asks for a pause of {state.blocked_for_s:.0f} s")
    if not state.is_shared:
        parts.append("Redis is away: this process's share")
    waiting = [f"  {each.priority.value}: {each.requests} waiting, {each.eta_s:.0f} s" for each in state.waiting]
    return "\n".join([", ".join(parts), *waiting])
