"""The mutation `documentDownload`: where one file can be read for a few minutes, asked of Clio on demand.

The address opens the file to whoever has it. It goes to the caller and nowhere else: not followed, kept or logged.
"""

import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import strawberry

from core.clio.priority import Priority
from core.errors import NotFound
from schema.context import Info
from schema.extensions import Graph
from schema.global_ids import GlobalId, read_id_of
from schema.mutation_errors import MutationError, collecting

_STAMP = "%Y%m%dT%H%M%SZ"


@strawberry.type(description="Answer of documentDownload.")
class DocumentDownloadPayload:
    """Where to read the file."""

    url: str | None = strawberry.field(
        description="Opens the file to whoever has it, without a token, until it expires: send no Authorization header "
        "with it, and keep it out of logs. Null where there are errors."
    )
    expires_at: datetime.datetime | None = strawberry.field(
        description="When the address ceases to work; null where it does not say."
    )
    errors: list[MutationError] = strawberry.field(description="Empty when all went well.")


def expiry_of(url: str) -> datetime.datetime | None:
    """Return when a signed address ends, by its X-Amz-Date and X-Amz-Expires; None where these do not tell."""
    query = dict(parse_qsl(urlsplit(url).query))
    try:
        signed_at = datetime.datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=datetime.UTC)
        return signed_at + datetime.timedelta(seconds=int(query["X-Amz-Expires"]))
    except (KeyError, ValueError, OverflowError):
        return None


async def _locate(info: Info, document: GlobalId, version: GlobalId | None) -> str:
    params = {} if version is None else {"document_version_id": str(version.number)}
    client = info.context.services.accounts.client(document.firm)
    return await client.location(
        f"documents/{document.number}/download.json", priority=Priority.INTERACTIVE, params=params
    )


def download_field(graph: Graph) -> Any:
    """Return the field of Mutation. It costs one statement, two with a version, and one request to Clio.

    Document and version are first found among the caller's, so that nobody can ask Clio for another firm's.
    """
    documents, versions = graph.entity("Document"), graph.entity("DocumentVersion")

    async def find_document(info: Info, text: str) -> GlobalId:
        found = read_id_of(text, "Document", name="id")
        if await documents.find_global(info.context.readers, found) is None:
            raise NotFound("there is no such document")
        return found

    async def find_version(info: Info, text: str, document: GlobalId) -> GlobalId:
        found = read_id_of(text, "DocumentVersion", name="version")
        row = await versions.find_global(info.context.readers, found)
        if row is None or (row.firm, row.document_clio_id) != (document.firm, document.number):
            raise NotFound("the document has no such version")
        return found

    async def document_download(
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Global id of the document.")],  # noqa: A002
        version: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Global id of one of its versions; the latest unless given."),
        ] = None,
    ) -> DocumentDownloadPayload:
        errors: list[MutationError] = []
        url = None
        async with collecting(errors, "id"):
            document = await find_document(info, id)
            async with collecting(errors, "version"):
                wanted = None if version is None else await find_version(info, version, document)
            if not errors:
                url = await _locate(info, document, wanted)
        return DocumentDownloadPayload(url=url, expires_at=expiry_of(url) if url else None, errors=errors)

    return strawberry.field(
        resolver=document_download,
        description="Ask Clio where the file of a document can be read: an address that works for some minutes.",
    )
