"""Documents, their versions and folders keep the contract of every resource."""

from core.testing.case import Body, Ids
from core.testing.contract import ResourceContract


def _in_a_matter(ids: Ids) -> Body:
    return {"name": "Brief.pdf", "parent": {"id": ids["matters"][0], "type": "Matter"}}


class TestFolder(ResourceContract):
    """Folders."""

    resource = "folder"
    creates = _in_a_matter
    changes = {"name": "Briefs"}


class TestDocument(ResourceContract):
    """Documents."""

    resource = "document"
    creates = _in_a_matter
    changes = {"name": "Statement of claim.pdf"}


class TestDocumentVersion(ResourceContract):
    """Versions of documents, which are listed below each of them."""

    resource = "document_version"
