"""Documents by their hash: registered by clients, or trusted by the operator and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput, DocumentNotTrusted, PersistedQueryNotFound, SettingsError
from core.testing.api import Api
from schema.build import build_schema
from schema.execution import GraphQLRequest, Operations
from schema.trusted import MOST_REGISTERED, DocumentTexts, read_trusted, sha256
from tests.schema.callers import caller

QUERY = "{ contacts(first: 1) { nodes { clioId } } }"


def by_hash(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def test_a_document_is_known_by_its_hash_once_it_was_sent_with_it() -> None:
    texts = DocumentTexts({}, only=False)
    with pytest.raises(PersistedQueryNotFound, match="PersistedQueryNotFound"):
        texts.text(None, by_hash(QUERY))
    assert texts.text(QUERY, by_hash(QUERY)) == QUERY
    assert texts.text(None, by_hash(QUERY)) == QUERY
    assert texts.text("{ me { subject } }", None) == "{ me { subject } }"
    assert texts.text(None, None) is None


@pytest.mark.parametrize(
    "persisted",
    [{}, "x", {"version": 2, "sha256Hash": sha256(QUERY)}, {"version": 1, "sha256Hash": "x"}, {"version": 1}],
)
def test_a_hash_that_is_none_is_refused(persisted: Any) -> None:
    with pytest.raises(BadInput, match="version 1 and sha256Hash"):
        DocumentTexts({}, only=False).text(QUERY, {"persistedQuery": persisted})


def test_a_hash_of_another_text_is_refused() -> None:
    with pytest.raises(BadInput, match="is not the SHA-256 of the query"):
        DocumentTexts({}, only=False).text(QUERY, by_hash("{ other }"))


def test_only_so_many_documents_are_kept_and_the_latest_stay() -> None:
    texts = DocumentTexts({}, only=False)
    documents = [f"{{ n{number} }}" for number in range(MOST_REGISTERED + 1)]
    for document in documents:
        texts.text(document, by_hash(document))
    assert texts.text(None, by_hash(documents[1])) == documents[1]
    with pytest.raises(PersistedQueryNotFound):
        texts.text(None, by_hash(documents[0]))


def test_with_trusted_documents_alone_nothing_else_is_executed() -> None:
    texts = DocumentTexts({sha256(QUERY): QUERY}, only=True)
    assert texts.text(None, by_hash(QUERY)) == QUERY
    assert texts.text(QUERY, None) == QUERY
    for query, extensions in (("{ me }", None), ("{ me }", by_hash("{ me }")), (None, by_hash("{ me }"))):
        with pytest.raises(DocumentNotTrusted):
            texts.text(query, extensions)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: FileNotFoundError"),
        ("{", "cannot be read: JSONDecodeError"),
        ("[]", "must hold an object"),
        ('{"a": 1}', "must hold an object"),
        (json.dumps({"a": QUERY}), "a is not the SHA-256 of its document"),
    ],
)
def test_a_file_that_is_no_list_of_documents_is_refused(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "documents.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=problem):
        read_trusted(path)


async def test_a_request_by_hash_is_answered_as_the_document_would_be(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({sha256(QUERY): QUERY}))
    settings = api.services.settings.model_copy(
        update={"graphql_trusted_documents": path, "graphql_trusted_only": True}
    )
    services = _with(api, settings)
    operations = Operations(build_schema(api.services.registry), services)
    found = await operations.answer(GraphQLRequest(query=None, extensions=by_hash(QUERY)), caller())
    assert json.loads(found.body)["data"] == {"contacts": {"nodes": [{"clioId": "1"}]}}
    refused = await operations.answer(GraphQLRequest(query="{ me { subject } }"), caller())
    assert json.loads(refused.body)["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def _with(api: Api, settings: Any) -> Any:
    """Return the open services under other settings."""
    services = object.__new__(type(api.services))
    vars(services).update(vars(api.services), settings=settings)
    return services


async def test_clients_that_send_hashes_first_are_told_to_send_the_text(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token([1])}"}
    unknown = await api.http.post(api.url, json={"extensions": by_hash("{ me { firms } }")}, headers=headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["message"]) == (200, "PersistedQueryNotFound")
    both = {"query": "{ me { firms } }", "extensions": by_hash("{ me { firms } }")}
    for body in (both, {"extensions": both["extensions"]}):
        answer = await api.http.post(api.url, json=body, headers=headers)
        assert answer.json()["data"] == {"me": {"firms": ["1"]}}
