"""Users at Clio: the endpoint and the payload. Source: Clio API, users."""

from decimal import Decimal

from core.resource import ClioEndpoint, ClioPayload, NamedReference, Nested, Reference


class Group(Nested):
    """A group the user is in."""

    id: int | None = None
    name: str | None = None
    type: str | None = None


class UserPayload(ClioPayload):
    """The fields of a user that the mirror keeps."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    initials: str | None = None
    email: str | None = None
    phone_number: str | None = None
    enabled: bool | None = None
    account_owner: bool | None = None
    clio_connect: bool | None = None
    subscription_type: str | None = None
    rate: Decimal | None = None
    roles: list[str] | None = None
    time_zone: str | None = None
    locale: str | None = None
    court_rules_default_attendee: bool | None = None
    default_calendar_id: int | None = None
    contact: Reference | None = None
    job_title: NamedReference | None = None
    default_activity_description: NamedReference | None = None
    groups: list[Group] | None = None


ENDPOINT = ClioEndpoint(path="users", payload=UserPayload, page_limit=2000)
"""Clio gives up to 2000 users in a page, ten times as many as of anything else."""
