"""The commands about webhook endpoints: what GraphQL can do with them, from a shell."""

import asyncio
import datetime
import json
from collections.abc import Awaitable, Callable
from typing import Any

import click

from core.commands.tabular import as_table
from core.errors import NotFound
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.webhooks import lifecycle
from core.webhooks.coverage import coverage_sql

COLUMNS = ("endpoint", "firm", "resource", "state", "coverage", "expires_at", "error_code")

FIRM = click.option("--firm", type=int, help="One firm; all connected ones unless given.")
RESOURCE = click.option("--resource", help="One resource, such as contact; all with a webhook unless given.")
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")

Work = Callable[[Services, int], Awaitable[object]]


@click.group(epilog="Example: clio-service webhooks list --firm 1")
def webhooks() -> None:
    """Look after the subscriptions at Clio; no address or secret is ever printed."""


@webhooks.command("list", epilog="Example: clio-service webhooks list --all --json")
@FIRM
@RESOURCE
@click.option("--all", "with_retired", is_flag=True, help="Retired endpoints, too.")
@JSON
def list_endpoints(firm: int | None, resource: str | None, *, with_retired: bool, as_json: bool) -> None:
    """List the endpoints, and whether deliveries come."""
    _show(_each_firm(firm, resource, _nothing, with_retired=with_retired), as_json=as_json)


@webhooks.command(epilog="Example: clio-service webhooks register --firm 1")
@FIRM
@RESOURCE
@JSON
def register(firm: int | None, resource: str | None, *, as_json: bool) -> None:
    """Subscribe to what has a webhook, repair what is lost, and ask again for what Clio refused."""
    _show(
        _each_firm(firm, resource, lambda services, each: lifecycle.register(services, each, resource=resource)),
        as_json=as_json,
    )


@webhooks.command(epilog="Example: clio-service webhooks rotate --firm 1 --resource contact")
@FIRM
@RESOURCE
@JSON
def rotate(firm: int | None, resource: str | None, *, as_json: bool) -> None:
    """Give endpoints other addresses and secrets without a gap; the old ones take deliveries for an hour more."""
    _show(
        _each_firm(firm, resource, lambda services, each: lifecycle.rotate(services, each, resource=resource)),
        as_json=as_json,
    )


@webhooks.command(epilog="Example: clio-service webhooks renew 12")
@click.argument("endpoint", type=int)
@JSON
def renew(endpoint: int, *, as_json: bool) -> None:
    """Extend the subscription of ENDPOINT to the longest life there is; one that is lost is replaced."""
    _show(_one(endpoint, lambda services, firm: lifecycle.renew(services, firm, endpoint)), as_json=as_json)


@webhooks.command(epilog="Example: clio-service webhooks delete 12")
@click.argument("endpoint", type=int)
@JSON
def delete(endpoint: int, *, as_json: bool) -> None:
    """End the subscription of ENDPOINT for good: its resource is polled alone until `register`."""
    _show(_one(endpoint, lambda services, firm: lifecycle.end(services, firm, endpoint)), as_json=as_json)


async def _nothing(_services: Services, _firm: int) -> None:
    """Leave everything as it is."""


def _show(work: Awaitable[list[dict[str, Any]]], *, as_json: bool) -> None:
    async def run() -> list[dict[str, Any]]:
        return await work

    rows = asyncio.run(run())
    click.echo(json.dumps(rows, default=datetime.datetime.isoformat, indent=2) if as_json else as_table(COLUMNS, rows))


async def _each_firm(
    firm: int | None, resource: str | None, work: Work, *, with_retired: bool = False
) -> list[dict[str, Any]]:
    """Do something for each connected firm that is meant; return its endpoints."""
    async with running_services(load_settings(), load_plugins()) as services:
        if resource is not None:
            services.registry.resource(resource)
        rows = await services.database.pool.fetch("SELECT id FROM firm WHERE state = 'connected' ORDER BY id")
        firms = [row["id"] for row in rows]
        if firm is not None and firm not in firms:
            raise NotFound(f"there is no connected firm {firm}; there are: {firms}")
        wanted = firms if firm is None else [firm]
        for each in wanted:
            await work(services, each)
        return await _endpoints(
            services,
            "t.firm = ANY ($1::bigint[]) AND ($2::text IS NULL OR t.resource = $2) AND ($3 OR t.state <> 'retired')",
            wanted,
            resource,
            with_retired,
        )


async def _one(endpoint: int, work: Work) -> list[dict[str, Any]]:
    """Do something with one endpoint; return it, and what lives of its resource."""
    async with running_services(load_settings(), load_plugins()) as services:
        row = await services.database.pool.fetchrow(
            "SELECT firm, resource FROM webhook_endpoint WHERE id = $1", endpoint
        )
        if row is None:
            raise NotFound(f"there is no webhook endpoint {endpoint}; `webhooks list` shows those there are")
        await work(services, row["firm"])
        condition = "t.id = $1 OR (t.firm = $2 AND t.resource = $3 AND t.state <> 'retired')"
        return await _endpoints(services, condition, endpoint, row["firm"], row["resource"])


async def _endpoints(services: Services, condition: str, *values: object) -> list[dict[str, Any]]:
    rows = await services.database.pool.fetch(
        f"""SELECT t.id AS endpoint, t.firm, t.resource, t.model, t.state, {coverage_sql("t")} AS coverage,
            t.clio_webhook_id, t.expires_at, t.error_code, t.error_message
        FROM webhook_endpoint AS t WHERE {condition} ORDER BY t.id""",
        *values,
    )
    return [dict(row) for row in rows]
