"""The tables of folders, documents and versions."""

from piccolo.columns import JSONB, BigInt, Boolean, Integer, Text, Timestamptz
from piccolo.constraints import Unique

from core.resource import MirrorTable, Quantity


class Folder(MirrorTable, tablename="documents_folder"):
    """One row per Clio folder, those in the trash included. Source: GET /api/v4/folders."""

    name = Text(null=True, default=None)
    locked = Boolean(null=True, default=None)
    deleted_at = Timestamptz(null=True, default=None, help_text="since when it lies in the trash")
    parent_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    matter_clio_id = BigInt(null=True, default=None, index=True)
    contact_clio_id = BigInt(null=True, default=None, index=True)
    creator_clio_id = BigInt(null=True, default=None, index=True)
    creator_name = Text(null=True, default=None)
    creator_type = Text(null=True, default=None, help_text="ManageUser | ClientUser, an open list")
    document_category_clio_id = BigInt(null=True, default=None)
    document_category_name = Text(null=True, default=None)
    group_clio_id = BigInt(null=True, default=None)
    group_name = Text(null=True, default=None)
    external_properties = JSONB(null=True, default=None, help_text="as plugins.documents.clio.ExternalProperty")
    root = Boolean(null=True, default=None, help_text="true for the one in which all others lie")
    documents_folder_firm_clio_id = Unique(["firm", "clio_id"])


class Document(MirrorTable, tablename="documents_document"):
    """One row per Clio document, those in the trash included. Source: GET /api/v4/documents."""

    name = Text(null=True, default=None)
    locked = Boolean(null=True, default=None)
    deleted_at = Timestamptz(null=True, default=None, help_text="since when it lies in the trash")
    parent_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    matter_clio_id = BigInt(null=True, default=None, index=True)
    contact_clio_id = BigInt(null=True, default=None, index=True)
    creator_clio_id = BigInt(null=True, default=None, index=True)
    creator_name = Text(null=True, default=None)
    creator_type = Text(null=True, default=None, help_text="ManageUser | ClientUser, an open list")
    document_category_clio_id = BigInt(null=True, default=None)
    document_category_name = Text(null=True, default=None)
    group_clio_id = BigInt(null=True, default=None)
    group_name = Text(null=True, default=None)
    external_properties = JSONB(null=True, default=None, help_text="as plugins.documents.clio.ExternalProperty")
    filename = Text(null=True, default=None)
    content_type = Text(null=True, default=None)
    size = Quantity(null=True, default=None, help_text="bytes")
    received_at = Timestamptz(null=True, default=None)
    latest_version_clio_id = BigInt(null=True, default=None)
    latest_version_number = Integer(null=True, default=None)
    documents_document_firm_clio_id = Unique(["firm", "clio_id"])


class DocumentVersion(MirrorTable, tablename="documents_version"):
    """One row per version of a document. Source: GET /api/v4/documents/{id}/versions, latest_document_version."""

    uuid = Text(null=True, default=None)
    document_clio_id = BigInt(null=True, default=None, index=True)
    version_number = Integer(null=True, default=None, help_text="from 1")
    filename = Text(null=True, default=None)
    size = Quantity(null=True, default=None, help_text="bytes")
    content_type = Text(null=True, default=None)
    fully_uploaded = Boolean(null=True, default=None)
    received_at = Timestamptz(null=True, default=None)
    creator_clio_id = BigInt(null=True, default=None, index=True)
    documents_version_firm_clio_id = Unique(["firm", "clio_id"])
