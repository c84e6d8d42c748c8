"""GraphQL over HTTP: tokens, media types, statuses, limits, error codes, request ids."""

import asyncio
from typing import Any

import pytest
import structlog

from core.errors import ClioUnavailable
from core.testing.api import Api
from schema.negotiation import GRAPHQL_JSON, PLAIN_JSON, negotiate
from schema.printing import COMMITTED

MODERN = {"accept": GRAPHQL_JSON}
UTF_8 = "; charset=utf-8"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "UNAUTHENTICATED"),
        ("Bearer nonsense", "UNAUTHENTICATED"),
        ("Basic YTpi", "UNAUTHENTICATED"),
        ("expired", "TOKEN_EXPIRED"),
    ],
)
async def test_without_a_good_token_the_answer_is_401_as_json(api: Api, header: str | None, code: str) -> None:
    if header == "expired":
        header = f"Bearer {api.token([1], ttl_s=-5)}"
    answer = await api.http.post(
        api.url, json={"query": "{ me { subject } }"}, headers={"Authorization": header} if header else {}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == PLAIN_JSON + UTF_8
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": code}


@pytest.mark.parametrize(
    ("document", "code", "status"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", 400),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", 400),
        ('{ contacts(filter: {seenAt: {gt: "2024-05-31"}}) { totalCount } }', "GRAPHQL_VALIDATION_FAILED", 400),
        ("query($n: Int!) { contacts(first: $n) { totalCount } }", "BAD_USER_INPUT", 400),
        ("mutation { syncNow { runs { id } } }", "FORBIDDEN", 403),
        ('{ node(id: "x") { id } }', "BAD_USER_INPUT", 200),
    ],
)
async def test_statuses_and_codes_of_refused_documents(api: Api, document: str, code: str, status: int) -> None:
    answer = await api.query(document, headers=MODERN)
    assert (answer.status, answer.codes) == (status, [code])
    assert answer.headers["content-type"] == GRAPHQL_JSON + UTF_8
    assert ("data" in answer.body) == (status == 200)
    again = await api.query(document, headers={"accept": PLAIN_JSON})
    assert (again.status, again.codes, again.headers["content-type"]) == (200, [code], PLAIN_JSON + UTF_8)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, PLAIN_JSON),
        ("", PLAIN_JSON),
        ("*/*", PLAIN_JSON),
        ("application/*", PLAIN_JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {PLAIN_JSON}", GRAPHQL_JSON),
        (f"{PLAIN_JSON}, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, {PLAIN_JSON}", PLAIN_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {PLAIN_JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0, */*", PLAIN_JSON),
        (f"{GRAPHQL_JSON};q=0", None),
        ("text/html", None),
        (f"text/html, {GRAPHQL_JSON.upper()};Q=0.1", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=x, {PLAIN_JSON};q=0.1", PLAIN_JSON),
    ],
)
def test_the_media_type_follows_accept_with_its_weights(accept: str | None, chosen: str | None) -> None:
    assert negotiate(accept) == chosen


async def test_what_cannot_be_sent_is_406(api: Api) -> None:
    answer = await api.query("{ me { subject } }", headers={"accept": "text/html"})
    assert (answer.status, answer.codes) == (406, ["BAD_USER_INPUT"])


async def test_get_answers_queries_and_refuses_mutations(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token([1], ('write', 'read'))}", **MODERN}
    answer = await api.http.get(
        api.url,
        params={"query": "query($n: Int) { contacts(first: $n) { nodes { clioId } } }", "variables": '{"n": 1}'},
        headers=headers,
    )
    assert answer.json()["data"] == {"contacts": {"nodes": [{"clioId": "1"}]}}
    answer = await api.http.get(api.url, params={"query": "mutation { syncNow { runs { id } } }"}, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"[" * 100_000, b"{}", b"[]", b'{"query": 1}', b'{"query": ""}', b""]
)
async def test_a_request_that_is_none_is_400_as_json(api: Api, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {api.token([1])}", "Content-Type": PLAIN_JSON}
    answer = await api.http.post(api.url, content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_request_that_is_too_large_or_has_no_query_is_refused_as_json(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token([1])}", "Content-Type": PLAIN_JSON}
    answer = await api.http.post(api.url, content=b" " * 1_000_001, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "BAD_USER_INPUT")
    answer = await api.http.get(api.url, headers={**headers, "accept": "*/*"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_a_document_that_nests_beyond_reason_is_refused_and_not_a_failure_of_ours(api: Api) -> None:
    answer = await api.query("{a" * 1200 + "}" * 1200)
    assert answer.codes == ["GRAPHQL_PARSE_FAILED"]
    query = "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }"
    for levels in (100, 300, 500, 900, 5000):
        where = '{"f": ' + '{"not": ' * levels + "{}" + "}" * (levels + 1)
        body = f'{{"query": "{query}", "variables": {where}}}'
        headers = {"Authorization": f"Bearer {api.token([1])}", "Content-Type": PLAIN_JSON}
        sent = await api.http.post(api.url, content=body, headers=headers)
        assert sent.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", levels


async def test_several_operations_need_a_name(api: Api) -> None:
    answer = await api.query("query A { me { subject } } query B { me { subject } }", headers=MODERN)
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])


async def test_depth_aliases_and_tokens_are_limited_and_introspection_is_not(api: Api) -> None:
    deep = "{ contacts { nodes " + "{ company " * 13 + "{ id }" + " }" * 13 + " } }"
    assert (await api.query(deep)).messages == ["the query nests 16 levels, and 15 are allowed"]
    many = "{ " + " ".join(f"a{n}: me {{ subject }}" for n in range(61)) + " }"
    assert (await api.query(many)).messages == ["the query has 61 aliases, and 60 are allowed"]
    doubling = "".join(
        f"fragment F{n} on Contact {{ a: company {{ ...F{n + 1} }} b: company {{ ...F{n + 1} }} }} " for n in range(8)
    )
    document = '{ contact(clioId: "2") { ...F0 } } ' + doubling + "fragment F8 on Contact { id }"
    assert (await api.query(document)).messages == ["the query has 510 aliases, and 60 are allowed"]
    loop = '{ contact(clioId: "2") { ...F } } fragment F on Contact { company { ...F } }'
    assert "spread" in (await api.query(loop)).messages[0]
    long = "{ " + "me { subject } " * 2000 + " }"
    assert (await api.query(long)).codes == ["GRAPHQL_PARSE_FAILED"]
    schema = "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } } }"
    assert (await api.query(schema)).data["__schema"]["types"]


async def test_an_unexpected_error_is_masked_and_logged_under_its_id(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the client's name is Ada")

    monkeypatch.setattr("schema.operations.firm_predicate", break_down)
    with structlog.testing.capture_logs() as lines:
        answer = await api.query("{ me { subject } firms { id } }")
    (error,) = answer.body["errors"]
    assert error["message"] == "an unexpected error was logged: quote its id"
    assert error["extensions"]["code"] == "INTERNAL"
    (line,) = [line for line in lines if line["event"] == "graphql_field_broke"]
    assert line["error_id"] == error["extensions"]["id"]
    assert (line["error"], line["path"]) == ("RuntimeError", ["firms"])
    assert "Ada" not in str(answer.body)


async def test_an_error_made_on_purpose_keeps_its_code(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any, **__: Any) -> Any:
        raise ClioUnavailable("clio did not answer")

    monkeypatch.setattr("schema.operations.firm_predicate", unavailable)
    answer = await api.query("{ firms { id } }")
    assert (answer.codes, answer.messages) == (["CLIO_UNAVAILABLE"], ["clio did not answer"])


async def test_a_database_that_is_away_is_named_and_not_masked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr("schema.operations.firm_predicate", away)
    assert (await api.query("{ firms { id } }")).codes == ["DATABASE_UNAVAILABLE"]


async def test_a_request_id_is_taken_made_and_sent_back(api: Api) -> None:
    answer = await api.query("{ me { subject } }", headers={"X-Request-Id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    made = [(await api.query("{ me { subject } }")).headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    odd = await api.query("{ me { subject } }", headers={"X-Request-Id": "a b\tc"})
    assert odd.headers["x-request-id"] != "a b\tc"


async def test_the_schema_is_served_as_text(api: Api) -> None:
    answer = await api.http.get(api.url.replace("/graphql", "/schema.graphql"))
    assert answer.text == COMMITTED.read_text(encoding="utf-8")


async def test_requests_at_once_do_not_mix(api: Api) -> None:
    async def ask(firm: int) -> set[str]:
        data = (await api.query("{ contacts { nodes { firm } } }", firms=[firm])).data
        return {node["firm"] for node in data["contacts"]["nodes"]}

    found = await asyncio.gather(*(ask(1 + number % 2) for number in range(30)))
    assert found == [{str(1 + number % 2)} for number in range(30)]
