"""The GraphQL type of a matter."""

import datetime

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="A case the firm works on for a client.")
class Matter(Mirrored):
    """Fields are named as the columns of `plugins.matters.tables.Matter`."""

    number: int | None = strawberry.field(description="Running number of the matter.")
    display_number: str | None = strawberry.field(description="What people call the matter, such as 00412-Silva.")
    custom_number: str | None = strawberry.field(description="Number given by the firm; null unless it numbers itself.")
    description: str | None = strawberry.field(description="What the matter is about.")
    status: str | None = strawberry.field(description="Pending, Open or Closed; Clio may add others.")
    location: str | None = strawberry.field(description="Place, as typed in.")
    client_reference: str | None = strawberry.field(description="The client's own reference.")
    billable: bool | None = strawberry.field(description="Whether work on the matter is billed.")
    billing_method: str | None = strawberry.field(description="hourly, flat or contingency; Clio may add others.")
    open_date: datetime.date | None = strawberry.field(description="Day it was opened, in the firm's time zone.")
    pending_date: datetime.date | None = strawberry.field(description="Day it became pending, in the firm's time zone.")
    close_date: datetime.date | None = strawberry.field(description="Day it was closed, in the firm's time zone.")
    last_activity_date: datetime.date | None = strawberry.field(description="Day of the latest activity.")
    has_tasks: bool | None = strawberry.field(description="Whether the matter has tasks.")
    matter_stage_updated_at: datetime.datetime | None = strawberry.field(description="When it entered its stage.")
    practice_area_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the practice area.")
    practice_area_name: str | None = strawberry.field(description="Name of the practice area.")
    matter_stage_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the stage.")
    matter_stage_name: str | None = strawberry.field(description="Name of the stage.")
