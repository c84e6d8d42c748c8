"""Documents that only the schema limits, at the running endpoint: answered or refused, never a failure of ours."""

import os
import re
from collections.abc import Mapping
from typing import Any

from graphql import build_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from core.testing.api import Api
from schema.printing import COMMITTED

CASES = int(os.environ.get("GRAPHQL_FUZZ_CASES", "60"))
"""Documents to draw; 20,000 take ten minutes."""

REFUSED = frozenset(
    {
        "AS_OF_UNSUPPORTED",
        "BAD_USER_INPUT",
        "FORBIDDEN",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "NOT_FOUND",
        "QUERY_TOO_COSTLY",
    }
)
"""What a document may be refused with: that it is not good, and nothing about how we are."""

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "BigInt": st.integers(-(2**70), 2**70).map(nodes.Int),
    "Date": st.dates().map(lambda day: nodes.String(day.isoformat())),
    "DateTime": st.datetimes().map(lambda moment: nodes.String(f"{moment.isoformat()}Z")),
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: nodes.String(str(number))),
    "Scalar": st.one_of(TEXT.map(nodes.String), st.integers().map(nodes.Int), st.booleans().map(nodes.Boolean)),
    "Time": st.times().map(lambda moment: nodes.String(moment.isoformat())),
}

SCHEMA = build_schema(COMMITTED.read_text(encoding="utf-8"))
ROOTS = sorted(SCHEMA.query_type.fields) if SCHEMA.query_type else []


def tame(document: str) -> str:
    """Return a document whose sizes, ids and firms are such as there can be, so that less of it is refused at once."""
    document = re.sub(r"\b(first|last): -?(\d+)", lambda found: f"{found[1]}: {int(found[2]) % 40}", document)
    document = re.sub(r"\b(after|before): \"(?:[^\"\\]|\\.)*\"", r"\1: null", document)
    document = re.sub(r"\b(clioId|firm|customField|definition): \"(?:[^\"\\]|\\.)*\"", r'\1: "1"', document)
    return re.sub(r"\b(id): \"(?:[^\"\\]|\\.)*\"", r'\1: "Contact:1:1"', document)


DOCUMENTS = st.sampled_from([[root] for root in ROOTS] + [ROOTS]).flatmap(
    lambda roots: st.one_of(
        queries(SCHEMA, fields=roots, custom_scalars=SCALARS),
        queries(SCHEMA, fields=roots, custom_scalars=SCALARS).map(tame),
    )
)
"""Mostly of one root field, since one that is refused takes the others with it."""


@given(document=DOCUMENTS, firms=st.sampled_from([[1], [1, 2], []]))
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_document_is_answered_or_refused(filled: Api, document: str, firms: list[int]) -> None:
    answer = await filled.query(document, firms=firms)
    assert answer.status == 200, document
    codes = set(answer.codes) if "errors" in answer.body else set[str]()
    assert codes <= REFUSED, document
