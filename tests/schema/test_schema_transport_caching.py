"""What may be kept of an answer, and how small it is sent: tags, gzip, and what the answer varies by."""

import asyncio
import gzip
import itertools

import httpx
import pytest

from core.testing.api import Api
from schema.compression import LEAST_BYTES, MOST_INLINE_BYTES, compress
from schema.etags import etag_of, is_known
from schema.negotiation import GRAPHQL_JSON, PLAIN_JSON, negotiate_encoding

SMALL = "{ me { subject } }"
LARGE = "{ contacts { nodes { id clioId name title company { id name } createdAt: seenAt updatedAt: seenAt } } }"
VARY = "Accept, Accept-Encoding, Authorization"


def bearer(api: Api, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token([1])}", "Accept": GRAPHQL_JSON, "Accept-Encoding": "identity", **more}


async def get(api: Api, query: str, **headers: str) -> httpx.Response:
    return await api.http.get(api.url, params={"query": query}, headers=bearer(api, **headers))


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP;Q=0.1", "gzip"),
        ("x-gzip", "gzip"),
        ("br, zstd, gzip", "gzip"),
        ("br", "identity"),
        ("*", "gzip"),
        ("*;q=0", "identity"),
        ("gzip;q=0, *", "identity"),
        ("gzip;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=x", "identity"),
    ],
)
def test_the_encoding_follows_the_header_with_its_weights(header: str | None, chosen: str) -> None:
    assert negotiate_encoding(header) == chosen


async def test_large_answers_are_compressed_for_who_takes_that_and_small_ones_never(api: Api) -> None:
    plain = await api.http.post(api.url, json={"query": LARGE}, headers=bearer(api))
    assert len(plain.content) >= LEAST_BYTES
    assert "content-encoding" not in plain.headers
    packed = await api.http.post(api.url, json={"query": LARGE}, headers=bearer(api, **{"Accept-Encoding": "gzip"}))
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()
    small = await api.http.post(api.url, json={"query": SMALL}, headers=bearer(api, **{"Accept-Encoding": "gzip"}))
    assert "content-encoding" not in small.headers
    assert {answer.headers["vary"] for answer in (plain, packed, small)} == {VARY}


async def test_what_is_huge_is_compressed_beside_the_event_loop() -> None:
    body = b'{"data":"' + b"Ada " * MOST_INLINE_BYTES + b'"}'
    turns = itertools.count()
    compressing = asyncio.ensure_future(compress(body))
    while not compressing.done():
        next(turns)
        await asyncio.sleep(0)
    assert gzip.decompress(await compressing) == body
    assert next(turns) > 1


async def test_a_query_by_get_may_be_kept_and_asked_about(api: Api) -> None:
    first = await get(api, LARGE)
    assert first.headers["cache-control"] == "private, no-cache"
    again = await get(api, LARGE, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]
    assert "content-type" not in again.headers
    other = await get(api, SMALL, **{"If-None-Match": first.headers["etag"]})
    assert (other.status_code, other.json()["data"]) == (200, {"me": {"subject": "test"}})


async def test_each_form_of_an_answer_has_a_tag_of_its_own(api: Api) -> None:
    forms: list[dict[str, str]] = [{}, {"Accept-Encoding": "gzip"}, {"Accept": PLAIN_JSON}]
    answers = [await get(api, LARGE, **form) for form in forms]
    tags = [answer.headers["etag"] for answer in answers]
    assert len(set(tags)) == 3
    for form, tag in zip(forms, tags, strict=True):
        statuses = [(await get(api, LARGE, **form, **{"If-None-Match": each})).status_code for each in tags]
        assert statuses == [304 if each == tag else 200 for each in tags]


async def test_a_tag_is_of_what_a_caller_sees_and_not_of_what_was_asked(api: Api) -> None:
    query = "{ contacts(first: 1) { nodes { title } } }"
    seen = {}
    for firm in (1, 2):
        headers = {"Authorization": f"Bearer {api.token([firm])}"}
        seen[firm] = (await get(api, query, **headers)).headers["etag"]
        stolen = await get(api, query, **headers, **{"If-None-Match": seen[1]})
        assert stolen.status_code == (304 if firm == 1 else 200)
    assert seen[1] != seen[2]


async def test_nothing_else_is_kept(api: Api) -> None:
    failing = '{ node(id: "x") { id } }'
    kept = [
        await get(api, failing),
        await get(api, "{ nothing }"),
        await get(api, "{ nothing }", Accept=PLAIN_JSON),
        await get(api, SMALL, Authorization=""),
        await get(api, "mutation { a }"),
        await api.http.post(api.url, json={"query": SMALL}, headers=bearer(api)),
        await api.http.post(api.url, json={"query": SMALL}, headers=bearer(api, **{"If-None-Match": "*"})),
    ]
    assert [answer.status_code for answer in kept] == [200, 400, 200, 401, 405, 200, 200]
    assert {answer.headers["cache-control"] for answer in kept} == {"no-store"}
    assert not any("etag" in answer.headers for answer in kept)


def test_tags_are_compared_weakly_and_one_of_many_is_enough() -> None:
    tag = etag_of(b"{}", PLAIN_JSON, "identity")
    assert tag == etag_of(b"{}", PLAIN_JSON, "identity")
    for header in (tag, b"W/" + tag, b'"a", ' + tag + b', W/"b"', b"*", b" * "):
        assert is_known(header, tag), header
    for other in (None, b"", b'"a"', tag.strip(b'"'), b'"*"', b"W/*"):
        assert not is_known(other, tag), other
