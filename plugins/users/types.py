"""The GraphQL type of a user."""

from decimal import Decimal

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="A group of users, as it is told with one of its members.")
class UserGroup:
    """Fields are those of `plugins.users.clio.Group`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the group.")
    name: str | None = strawberry.field(description="Name of the group.")
    type: str | None = strawberry.field(
        description="UserGroup, AdhocGroup, AccountGroup or TeamGroup; Clio may add others."
    )


@strawberry.type(description="Somebody who works at the firm and signs in to Clio.")
class User(Mirrored):
    """Fields are named as the columns of `plugins.users.tables.User`."""

    name: str | None = strawberry.field(description="Full name.")
    first_name: str | None = strawberry.field(description="First name.")
    last_name: str | None = strawberry.field(description="Last name.")
    initials: str | None = strawberry.field(description="Initials.")
    email: str | None = strawberry.field(description="E-mail address of the login.")
    phone_number: str | None = strawberry.field(description="Phone number, as typed in.")
    enabled: bool | None = strawberry.field(description="False for somebody who left the firm: Clio deletes no user.")
    account_owner: bool | None = strawberry.field(description="Whether the user owns the Clio account.")
    clio_connect: bool | None = strawberry.field(description="Whether this is a user of Clio Connect, the portal.")
    subscription_type: str | None = strawberry.field(description="Attorney or NonAttorney; Clio may add others.")
    rate: Decimal | None = strawberry.field(description="Default rate of activities, the firm's currency, major units.")
    roles: list[str] | None = strawberry.field(description="Clio's roles, such as admin or billing.")
    time_zone: str | None = strawberry.field(description="IANA name of the user's time zone.")
    locale: str | None = strawberry.field(description="Language and country, such as en-CA.")
    court_rules_default_attendee: bool | None = strawberry.field(
        description="Whether the user is put down as attendee of events made by court rules."
    )
    default_calendar_id: strawberry.ID | None = strawberry.field(description="Clio's id of the user's calendar.")
    contact_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the contact the user is.")
    job_title_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the job title.")
    job_title_name: str | None = strawberry.field(description="Job title.")
    default_activity_description_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the activity description that the user's entries begin with."
    )
    default_activity_description_name: str | None = strawberry.field(
        description="Name of the activity description that the user's entries begin with."
    )
    groups: list[UserGroup] | None = strawberry.field(description="Groups the user is in.")
