"""Documents, their versions, and the folders they are in."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import ClioEndpoint, Embedded, Parents, Resource, ToOne, WebhookModel
from plugins.documents import clio, tables, types
from plugins.documents.graph import extensions
from schema.extensions import Extension, Graph

requires: tuple[str, ...] = ("contacts", "matters", "schema", "users")


def _filed_edges(plural: str) -> list[ToOne]:
    """Return the edges that a document and a folder have in common."""
    return [
        ToOne(
            name="parent",
            to="Folder",
            column="parent_clio_id",
            description="The folder it lies in.",
            reverse=plural,
            reverse_description=f"The {plural} that lie in this folder itself.",
        ),
        ToOne(
            name="matter",
            to="Matter",
            column="matter_clio_id",
            description="The matter it belongs to.",
            reverse=plural,
            reverse_description=f"The {plural} of this matter.",
        ),
        ToOne(
            name="contact",
            to="Contact",
            column="contact_clio_id",
            description="The contact it belongs to.",
            reverse=plural,
            reverse_description=f"The {plural} of this contact.",
        ),
        ToOne(
            name="creator",
            to="User",
            column="creator_clio_id",
            description="The user who made it; null for a client, who is no user of the firm.",
            reverse=f"created_{plural}",
            reverse_description=f"The {plural} this user has made.",
        ),
    ]


FOLDER = Resource(
    name="folder",
    table=tables.Folder,
    type=types.Folder,
    endpoint=clio.FOLDERS,
    webhook=WebhookModel(model="folder"),
    edges=_filed_edges("folders"),
    trash_column="deleted_at",
)

_EMBEDS: list[Embedded] = []

DOCUMENT = Resource(
    name="document",
    table=tables.Document,
    type=types.Document,
    endpoint=clio.DOCUMENTS,
    webhook=WebhookModel(model="document"),
    edges=[
        *_filed_edges("documents"),
        ToOne(
            name="latest_version",
            to="DocumentVersion",
            column="latest_version_clio_id",
            description="Its latest version.",
        ),
    ],
    embeds=_EMBEDS,
    trash_column="deleted_at",
)

DOCUMENT_VERSION = Resource(
    name="document_version",
    plural="document_versions",
    table=tables.DocumentVersion,
    type=types.DocumentVersion,
    endpoint=ClioEndpoint(
        path="documents/{parent}/versions",
        payload=clio.DocumentVersionPayload,
        parents=Parents(
            resource=DOCUMENT,
            where="parent.latest_version_number > (SELECT count(*) FROM documents_version AS held"
            " WHERE held.firm = parent.firm AND held.document_clio_id = parent.clio_id"
            " AND held.version_number <= parent.latest_version_number)",
        ),
    ),
    poll_s=60.0,
    edges=[
        ToOne(
            name="document",
            to="Document",
            column="document_clio_id",
            description="The document it is a version of.",
            reverse="versions",
            reverse_description="Its versions.",
        ),
        ToOne(
            name="creator",
            to="User",
            column="creator_clio_id",
            description="The user who made it; null for a client, who is no user of the firm.",
            reverse="created_document_versions",
            reverse_description="The versions of documents this user has made.",
        ),
    ],
)

# Each of the two names the other: versions are listed below documents, and come inside them.
_EMBEDS.append(Embedded(resource=DOCUMENT_VERSION, take=clio.latest_versions))


@hookimpl
def resources() -> list[Resource]:
    """Declare folders, documents and versions."""
    return [FOLDER, DOCUMENT, DOCUMENT_VERSION]


@hookimpl
def migrations() -> Path:
    """Name the folder of the documents' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:
    """Add the tree of folders, and the mutation that gives out files."""
    return extensions(graph)
