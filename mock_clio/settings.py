"""What a mock is started with."""

from datetime import datetime
from typing import Literal

import msgspec

from mock_clio.switches import Switches
from mock_clio.tables.catalog import PERMISSIONS

Region = Literal["us", "ca", "eu", "au"]
Access = Literal["read", "read_write"]


def every_permission() -> dict[str, Access]:
    """Read and write on everything, what an application has unless it is registered with less."""
    return dict.fromkeys(PERMISSIONS, "read_write")


class Application(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A registered application: what the developer portal knows of it."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    name: str = "Test application"
    permissions: dict[str, Access] = msgspec.field(default_factory=every_permission)
    """Access by permission name; one that is missing answers 403."""
    deauthorization_callback: str | None = None
    region: Region | None = None
    """Region it is registered in; None means the mock's own. Elsewhere its client id is unknown."""


class MockSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A mock's region, firm, limits, applications and switches."""

    host: str = "127.0.0.1"
    port: int = 8001
    region: Region = "us"
    public_url: str | None = None
    """Base of the URLs in answers; None takes scheme and Host header of each request."""
    seed: int = 1
    users: int = 5
    contacts: int = 200
    matters: int = 100
    documents: int | None = None
    """Documents of the firm; None means two for each matter."""
    activities: int | None = None
    """Activities of the firm; None means four for each matter."""
    time_zone: str = "America/Vancouver"
    """The firm's zone, in which timestamps are written and dates are days."""
    firm_name: str = "Lee & Partners"
    clock_start: datetime | None = None
    """Where the mock's clock starts; None means now."""
    frozen_clock: bool = False
    rate_limit: int = 50
    """Requests per minute and access token, at peak."""
    token_lifetime: int = 2592000
    """Seconds an access token lives."""
    api_version: str = "4.0.13"
    """Version used when a request names none."""
    api_versions: tuple[str, ...] = ("4.0.11", "4.0.12", "4.0.13")
    """Versions served; any other answers 410."""
    allow_http_loopback: bool = False
    """Whether a webhook URL may be http on 127.0.0.1, ::1 or localhost; Clio takes https alone."""
    retry_factor: float = 1.0
    """Multiplies the waits between the attempts at a delivery; below 1 for tests that cannot wait for minutes."""
    traffic_per_minute: float = 0.0
    """Background edits per minute, started with the mock; 0 starts none."""
    journal_size: int = 10_000
    """Requests, and deliveries, kept in the journal."""
    applications: tuple[Application, ...] = ()
    switches: Switches = msgspec.field(default_factory=Switches)
