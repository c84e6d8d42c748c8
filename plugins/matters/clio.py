"""Matters at Clio: the endpoint and the payload. Source: Clio API, matters."""

import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.resource import ClioEndpoint, ClioPayload, Reference, reference_id


class Named(BaseModel):
    """A look-up record of which the mirror keeps id and name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | None = None
    name: str | None = None


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
    practice_area: Named | None = None
    matter_stage: Named | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the columns: associations as ids, practice area and stage with their names."""
        row = super().to_row()
        for edge in ("client", "responsible_attorney", "originating_attorney", "responsible_staff"):
            row[f"{edge}_clio_id"] = reference_id(row.pop(edge))
        for lookup in ("practice_area", "matter_stage"):
            found = row.pop(lookup)
            row[f"{lookup}_clio_id"] = found.id if found else None
            row[f"{lookup}_name"] = found.name if found else None
        return row


ENDPOINT = ClioEndpoint(path="matters", payload=MatterPayload)
