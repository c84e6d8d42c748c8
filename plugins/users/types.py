"""The GraphQL type of a user."""

from decimal import Decimal

import strawberry

from schema.types.mirrored import Mirrored


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
    subscription_type: str | None = strawberry.field(description="Attorney or NonAttorney; Clio may add others.")
    rate: Decimal | None = strawberry.field(description="Default hourly rate, in the firm's currency, major units.")
    roles: list[str] | None = strawberry.field(description="Clio's roles, such as admin or billing.")
    time_zone: str | None = strawberry.field(description="IANA name of the user's time zone.")
