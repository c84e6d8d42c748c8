"""Matters at Clio: the endpoint and the payload. Source: Clio API, matters."""

import datetime

from core.resource import ClioEndpoint, ClioPayload, NamedReference, Reference
from plugins.custom_fields.values import CustomFieldValue


class MatterPayload(ClioPayload):
    """The fields of a matter that the mirror keeps."""

    number: int | None = None
    display_number: str | None = None
    custom_number: str | None = None
    description: str | None = None
    status: str | None = None
    location: str | None = None
    client_reference: str | None = None
    billable: bool | None = None
    billing_method: str | None = None
    open_date: datetime.date | None = None
    pending_date: datetime.date | None = None
    close_date: datetime.date | None = None
    last_activity_date: datetime.date | None = None
    has_tasks: bool | None = None
    matter_stage_updated_at: datetime.datetime | None = None
    client: Reference | None = None
    responsible_attorney: Reference | None = None
    originating_attorney: Reference | None = None
    responsible_staff: Reference | None = None
    practice_area: NamedReference | None = None
    matter_stage: NamedReference | None = None
    custom_field_values: list[CustomFieldValue] | None = None


ENDPOINT = ClioEndpoint(path="matters", payload=MatterPayload)
