"""What a version brings, alone and inside its document."""

import pytest

from plugins.documents.clio import DocumentPayload, DocumentVersionPayload, latest_versions


@pytest.mark.parametrize(("sent", "kept"), [(3, 3), (2**31 - 1, 2**31 - 1), (2**31, None), (None, None)])
def test_a_number_of_a_version_is_within_clios_format_or_left_out(sent: int | None, kept: int | None) -> None:
    version = {"id": 7, "version_number": sent}
    document = DocumentPayload.model_validate({"id": 1, "latest_document_version": version})
    assert DocumentVersionPayload.model_validate(version).to_row()["version_number"] == kept
    assert document.to_row()["latest_version_number"] == kept
    assert [each.to_row()["version_number"] for each in latest_versions(document)] == [kept]
