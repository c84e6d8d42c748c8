"""The command `python -m mock_clio`."""

import asyncio
import contextlib
import os
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from mock_clio.server import PortTakenError, bind, serve
from mock_clio.settings import Application, MockSettings, Region

SECRET_VARIABLE = "MOCK_CLIO_CLIENT_SECRET"  # noqa: S105 - the name of the variable, not a secret


def parse_application(text: str) -> Application:
    """Read `client_id:client_secret:redirect_uri`; an empty secret is taken from the environment.

    Raises:
        click.BadParameter: a part is missing.
    """
    client_id, _, rest = text.partition(":")
    secret, _, redirect_uri = rest.partition(":")
    secret = secret or os.environ.get(SECRET_VARIABLE, "")
    if not client_id or not secret or not redirect_uri:
        raise click.BadParameter(
            f"'{client_id or text}' must read client_id:client_secret:redirect_uri; "
            f"leave client_secret empty to take it from {SECRET_VARIABLE}"
        )
    return Application(client_id=client_id, client_secret=secret, redirect_uris=(redirect_uri,))


@click.command(
    name="mock-clio",
    epilog="Example: MOCK_CLIO_CLIENT_SECRET=s3cret python -m mock_clio --contacts 2000 "
    "--application my-app::http://127.0.0.1:8000/oauth/callback --allow-http-loopback",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, help="Port to listen on.")
@click.option("--region", type=click.Choice(get_args(Region)), default="us", show_default=True, help="Clio region.")
@click.option("--seed", default=1, show_default=True, help="Seed of the invented firm.")
@click.option("--users", default=5, show_default=True, help="Users of the firm.")
@click.option("--contacts", default=200, show_default=True, help="Contacts of the firm.")
@click.option("--matters", default=100, show_default=True, help="Matters of the firm.")
@click.option("--activities", default=None, type=int, help="Activities of the firm; four for each matter unless said.")
@click.option("--documents", default=None, type=int, help="Documents of the firm; two for each matter unless said.")
@click.option("--time-zone", default="America/Vancouver", show_default=True, help="The firm's time zone.")
@click.option("--rate-limit", default=50, show_default=True, help="Requests per minute and access token.")
@click.option("--retry-factor", default=1.0, show_default=True, help="Multiplies the waits between retries.")
@click.option("--traffic-per-minute", default=0.0, show_default=True, help="Background edits per minute.")
@click.option("--allow-http-loopback", is_flag=True, help="Take http webhook URLs on the loopback interface.")
@click.option("--public-url", default=None, help="Base of the URLs in answers, if not the address asked.")
@click.option(
    "--application",
    "applications",
    multiple=True,
    metavar="ID:SECRET:REDIRECT_URI",
    help=f"Register an application; leave SECRET empty to take it from {SECRET_VARIABLE}. Repeatable.",
)
def main(
    host: str,
    port: int,
    region: Region,
    seed: int,
    users: int,
    contacts: int,
    matters: int,
    documents: int | None,
    activities: int | None,
    time_zone: str,
    rate_limit: int,
    retry_factor: float,
    traffic_per_minute: float,
    allow_http_loopback: bool,
    public_url: str | None,
    applications: tuple[str, ...],
) -> None:
    """Run a stand-in for the Clio Manage API v4 with an invented firm, until stopped."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"'{time_zone}' is not a time zone", param_hint="--time-zone") from error
    settings = MockSettings(
        host=host,
        port=port,
        region=region,
        seed=seed,
        users=users,
        contacts=contacts,
        matters=matters,
        documents=documents,
        activities=activities,
        time_zone=time_zone,
        rate_limit=rate_limit,
        retry_factor=retry_factor,
        traffic_per_minute=traffic_per_minute,
        allow_http_loopback=allow_http_loopback,
        public_url=public_url,
        applications=tuple(parse_application(text) for text in applications),
    )
    try:
        listener = bind(host, port)
    except PortTakenError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"mock Clio on http://{host}:{port}, REST under /api/v4/, control under /__mock__/", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(settings, listener))


if __name__ == "__main__":
    main()
