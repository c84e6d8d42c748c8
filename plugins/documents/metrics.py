"""`metrics { documents }`: how many documents there are, of which kind, and how large. Formulas: docs/metrics.md."""

from typing import Any

import strawberry

from schema.context import Info
from schema.metrics import metric_figure, metric_rows
from schema.scalars import BigInt

FIGURES = """
SELECT count(*)::int AS total, coalesce(sum(file.size), 0)::bigint AS size_bytes,
       (count(*) FILTER (WHERE file.matter_clio_id IS NULL))::int AS without_matter
FROM documents_document AS file WHERE {firm:file} AND file.presence = 'present'"""

VERSIONS = """
SELECT count(*)::int AS versions, coalesce(sum(version.size), 0)::bigint AS versions_size_bytes
FROM documents_version AS version
JOIN documents_document AS file ON file.firm = version.firm AND file.clio_id = version.document_clio_id
WHERE {firm:version} AND {firm:file} AND version.presence = 'present' AND file.presence = 'present'"""

BY_CONTENT_TYPE = """
SELECT file.content_type, count(*)::int AS count, coalesce(sum(file.size), 0)::bigint AS size_bytes
FROM documents_document AS file WHERE {firm:file} AND file.presence = 'present'
GROUP BY file.content_type ORDER BY count DESC, file.content_type"""


@strawberry.type(description="How many documents there are of one content type.")
class DocumentsOfContentType:
    """One row of `BY_CONTENT_TYPE`."""

    content_type: str | None = strawberry.field(description="Media type, such as text/plain; null if none is told.")
    count: int = strawberry.field(description="Documents of the type.")
    size_bytes: BigInt = strawberry.field(description="Size of their latest versions together, in bytes.")


async def _by_content_type(root: Any, info: Info) -> list[DocumentsOfContentType]:
    return [DocumentsOfContentType(**row) for row in await metric_rows(info, root, BY_CONTENT_TYPE)]


@strawberry.type(description="Figures over the documents that are present: not those in the trash.")
class DocumentMetrics:
    """Resolved from a `MetricsRoot`. The list is one statement; figures of documents share one, of versions another."""

    total: int = strawberry.field(resolver=metric_figure(FIGURES, "total"), description="All documents.")
    size_bytes: BigInt = strawberry.field(
        resolver=metric_figure(FIGURES, "size_bytes"), description="Size of their latest versions together, in bytes."
    )
    without_matter: int = strawberry.field(
        resolver=metric_figure(FIGURES, "without_matter"), description="Documents that belong to no matter."
    )
    versions: int = strawberry.field(
        resolver=metric_figure(VERSIONS, "versions"), description="Versions of these documents that are mirrored."
    )
    versions_size_bytes: BigInt = strawberry.field(
        resolver=metric_figure(VERSIONS, "versions_size_bytes"), description="Size of these versions, in bytes."
    )
    by_content_type: list[DocumentsOfContentType] = strawberry.field(
        resolver=_by_content_type, description="Documents by content type, the most frequent first."
    )


def metrics_field() -> Any:
    """Return the field `documents` of `Metrics`."""

    async def documents(root: Any) -> Any:
        return root

    documents.__annotations__["return"] = DocumentMetrics
    return strawberry.field(resolver=documents, description="Figures over documents.")
