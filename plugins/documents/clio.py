"""Folders, documents and versions at Clio: endpoints and payloads. Source: Clio API, folders, documents."""

import datetime
from typing import Any, ClassVar

from pydantic import field_validator

from core.resource import ClioEndpoint, ClioPayload, NamedReference, Nested, Reference


class Creator(NamedReference):
    """Who made a record: a user of the firm, or a client who signs in to Clio's portal."""

    type: str | None = None


class ExternalProperty(Nested):
    """A name and a value that another application has put on a document or folder; five at most."""

    id: int | None = None
    name: str | None = None
    value: str | None = None


class FiledPayload(ClioPayload):
    """What a document and a folder have in common."""

    name: str | None = None
    locked: bool | None = None
    deleted_at: datetime.datetime | None = None
    parent: Reference | None = None
    matter: Reference | None = None
    contact: Reference | None = None
    creator: Creator | None = None
    document_category: NamedReference | None = None
    group: NamedReference | None = None
    external_properties: list[ExternalProperty] | None = None


class FolderPayload(FiledPayload):
    """The fields of a folder that the mirror keeps."""

    root: bool | None = None


class DocumentVersionPayload(ClioPayload):
    """The fields of a version that the mirror keeps; the same in the list of versions and inside a document.

    Never asked for: where and how to upload it, which are secrets.
    """

    renamed: ClassVar = {"document_id": "document_clio_id"}

    uuid: str | None = None
    document_id: int | None = None
    version_number: int | None = None
    filename: str | None = None
    size: int | None = None
    content_type: str | None = None
    fully_uploaded: bool | None = None
    received_at: datetime.datetime | None = None
    creator: Reference | None = None

    @field_validator("version_number")
    @classmethod
    def _leave_out_what_is_no_int32(cls, given: int | None) -> int | None:
        """Take a number that Clio's own format does not allow for none, also where the version is inside a document."""
        return given if given is not None and -(2**31) <= given < 2**31 else None


class DocumentPayload(FiledPayload):
    """The fields of a document that the mirror keeps."""

    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    received_at: datetime.datetime | None = None
    latest_document_version: DocumentVersionPayload | None = None

    @field_validator("latest_document_version", mode="before")
    @classmethod
    def _leave_out_redacted(cls, given: Any) -> Any:
        """Take a version whose id Clio hides for none: the mirror could not tell which it is."""
        return None if isinstance(given, dict) and given.get("id") is None else given

    def to_row(self) -> dict[str, Any]:
        """Return the columns by name; of the latest version, which is a record of its own, id and number."""
        row = super().to_row()
        latest = row.pop("latest_document_version")
        return row | {
            "latest_version_clio_id": latest.id if latest else None,
            "latest_version_number": latest.version_number if latest else None,
        }


def latest_versions(document: DocumentPayload) -> list[DocumentVersionPayload]:
    """Return the version that came inside a document, as a record of its own; none where Clio showed none."""
    latest = document.latest_document_version
    return [] if latest is None else [latest.model_copy(update={"document_id": document.id})]


WITH_TRASH = {"include_deleted": "true"}
"""Lists then show what lies in the trash, with `deleted_at`."""

FOLDERS = ClioEndpoint(path="folders", payload=FolderPayload, params=WITH_TRASH)
DOCUMENTS = ClioEndpoint(path="documents", payload=DocumentPayload, params=WITH_TRASH)
