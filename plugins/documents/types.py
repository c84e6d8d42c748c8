"""The GraphQL types of folders, documents and versions."""

import datetime

import strawberry

from schema.scalars import BigInt
from schema.types.mirrored import Mirrored


@strawberry.type(description="A name and a value that another application has put on a document or folder.")
class ExternalProperty:
    """Fields are named as in `plugins.documents.clio.ExternalProperty`."""

    id: strawberry.ID = strawberry.field(description="Clio's id of the property.")
    name: str | None = strawberry.field(description="What it is called.")
    value: str | None = strawberry.field(description="What it says.")


@strawberry.interface(description="What lies in a folder: a document, or another folder.")
class Filed(Mirrored):
    """The fields that a document and a folder have in common."""

    name: str | None = strawberry.field(description="What it is called.")
    locked: bool | None = strawberry.field(description="Whether it cannot be changed at Clio.")
    deleted_at: datetime.datetime | None = strawberry.field(
        description="Since when it lies in Clio's trash, where its presence is DELETED; null elsewhere, and until a "
        "poll has told the time of a deletion that a webhook told of."
    )
    creator_name: str | None = strawberry.field(description="Name of who made it.")
    creator_type: str | None = strawberry.field(
        description="ManageUser, or ClientUser for a client in Clio's portal; Clio may add others."
    )
    document_category_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the category.")
    document_category_name: str | None = strawberry.field(description="Name of the category.")
    group_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the group that may see it.")
    group_name: str | None = strawberry.field(description="Name of the group that may see it.")
    external_properties: list[ExternalProperty] | None = strawberry.field(
        description="What other applications have put on it."
    )


@strawberry.type(description="A folder. Every one but the root lies in another.")
class Folder(Filed):
    """Fields are named as the columns of `plugins.documents.tables.Folder`."""

    root: bool | None = strawberry.field(description="Whether it is the one in which all others lie.")


@strawberry.type(description="A document: the record of a file, whose bytes stay at Clio.")
class Document(Filed):
    """Fields are named as the columns of `plugins.documents.tables.Document`."""

    filename: str | None = strawberry.field(description="Name of the file of its latest version.")
    content_type: str | None = strawberry.field(description="Media type of the file, as Clio was told.")
    size: BigInt | None = strawberry.field(description="Length of the file in bytes.")
    received_at: datetime.datetime | None = strawberry.field(description="When the firm received it.")
    latest_version_number: int | None = strawberry.field(description="Number of its latest version, from 1.")


@strawberry.type(description="One version of a document.")
class DocumentVersion(Mirrored):
    """Fields are named as the columns of `plugins.documents.tables.DocumentVersion`."""

    uuid: str | None = strawberry.field(description="Clio's other name for the version, as uploads use it.")
    version_number: int | None = strawberry.field(description="From 1, in order of making.")
    filename: str | None = strawberry.field(description="Name of the file.")
    size: BigInt | None = strawberry.field(description="Length of the file in bytes.")
    content_type: str | None = strawberry.field(description="Media type of the file, as Clio was told.")
    fully_uploaded: bool | None = strawberry.field(description="False while its upload has not ended.")
    received_at: datetime.datetime | None = strawberry.field(description="When the firm received it.")
