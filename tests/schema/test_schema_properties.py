"""Generated filters and orders against a reference in Python: the same rows, never another firm's, each page once."""

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.testing.api import Api
from tests.schema.schema_data import ONE, TWO, contacts, matters

FEW = settings(max_examples=50, deadline=None)

PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda value, wanted: value is not None and value < wanted,
    "lte": lambda value, wanted: value is not None and value <= wanted,
    "gt": lambda value, wanted: value is not None and value > wanted,
    "gte": lambda value, wanted: value is not None and value >= wanted,
    "eq": lambda value, wanted: value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value is not None and value in wanted,
    "notIn": lambda value, wanted: value is None or value not in wanted,
    "isNull": lambda value, wanted: (value is None) == wanted,
    "contains": lambda value, wanted: value is not None and wanted in value,
    "startsWith": lambda value, wanted: value is not None and value.startswith(wanted),
}

Row = dict[str, Any]


def as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def plain_row(row: Row, **absent: Any) -> Row:
    return {**absent, **{name: as_json(value) for name, value in row.items()}}


CONTACTS = {firm: [plain_row(row | {"clio_id": str(row["clio_id"])}) for row in contacts(firm)] for firm in (ONE, TWO)}
MATTERS = {firm: [plain_row(row | {"clio_id": str(row["clio_id"])}) for row in matters(firm)] for firm in (ONE, TWO)}


def conditions(values: st.SearchStrategy[Any], *operators: str) -> st.SearchStrategy[dict[str, Any]]:
    of = {
        "in": st.lists(values, max_size=3),
        "notIn": st.lists(values, max_size=3),
        "isNull": st.booleans(),
    }
    return st.dictionaries(st.sampled_from(operators), st.none(), min_size=1, max_size=2).flatmap(
        lambda chosen: st.fixed_dictionaries({name: of.get(name, values) for name in chosen})
    )


COMPARED = ("eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "isNull")
NAMES = conditions(
    st.sampled_from(["a", "bname", "bname1", "name", "name0", "cname2", "z", "%", "_"]),
    *COMPARED[:4],
    *COMPARED[8:],
    "contains",
    "startsWith",
)
DATES = conditions(st.sampled_from(["1980-01-02", "1980-01-07", "1979-12-31", "1980-01-12"]), *COMPARED)
FLAGS = conditions(st.booleans(), "eq", "ne", "isNull")
PRESENCES = conditions(st.sampled_from(["PRESENT", "DELETED", "HIDDEN", "UNKNOWN"]), "eq", "ne", "in", "notIn")
STATUSES = conditions(st.sampled_from(["Open", "Pending", "Closed", "Other"]), "eq", "ne", "in", "notIn", "contains")

CONTACT_FIELDS = {"name": NAMES, "dateOfBirth": DATES, "isClient": FLAGS}
COLUMNS = {"dateOfBirth": "date_of_birth", "isClient": "is_client"}


def filters(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Row]:
    """Small filters: one or two fields at a leaf, and, or, not above them, so that the size limit is never met."""
    one = st.one_of(*(st.fixed_dictionaries({name: wanted}) for name, wanted in fields.items()))
    leaves: st.SearchStrategy[Row] = st.one_of(
        st.just({}), one, st.tuples(one, one).map(lambda pair: pair[0] | pair[1])
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"and": st.lists(inner, max_size=2)}),
            st.tuples(one, st.fixed_dictionaries({"or": st.lists(inner, max_size=3)})).map(lambda p: p[0] | p[1]),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=4,
    )


CONTACT_FILTERS = filters({**CONTACT_FIELDS, "presence": PRESENCES, "company": filters(CONTACT_FIELDS)})
MATTER_FILTERS = filters({"status": STATUSES, "client": filters(CONTACT_FIELDS)})


def holds(row: Row, where: Row, people: dict[str, Row]) -> bool:
    return all(_holds(row, name, wanted, people) for name, wanted in where.items())


def _holds(row: Row, name: str, wanted: Any, people: dict[str, Row]) -> bool:
    match name:
        case "and":
            return all(holds(row, each, people) for each in wanted)
        case "or":
            return any(holds(row, each, people) for each in wanted)
        case "not":
            return not holds(row, wanted, people)
        case "company" | "client":
            found = people.get(str(row.get(f"{name}_clio_id")))
            return found is not None and holds(found, wanted, people)
        case _:
            value = row.get(COLUMNS.get(name, name))
            value = str(value).upper() if name == "presence" else value
            return all(PYTHON[operator](value, each) for operator, each in wanted.items())


def mentions_presence(where: Row) -> bool:
    inner = [*where.get("and", ()), *where.get("or", ()), *filter(None, [where.get("not")])]
    return "presence" in where or any(map(mentions_presence, inner))


def expected(rows: list[Row], where: Row, firm: int) -> list[str]:
    people = {row["clio_id"]: row for row in CONTACTS[firm]}
    kept = rows if mentions_presence(where) else [row for row in rows if row["presence"] == "present"]
    return [row["clio_id"] for row in kept if holds(row, where, people)]


@given(where=CONTACT_FILTERS)
@FEW
async def test_a_filter_of_contacts_gives_the_rows_the_reference_gives(api: Api, where: Row) -> None:
    query = "query($f: ContactFilter) { contacts(first: 40, filter: $f) { totalCount nodes { clioId firm title } } }"
    page = (await api.query(query, {"f": where})).data["contacts"]
    assert [node["clioId"] for node in page["nodes"]] == expected(CONTACTS[ONE], where, ONE)
    assert page["totalCount"] == len(page["nodes"])
    assert {(node["firm"], node["title"]) for node in page["nodes"]} <= {("1", "firm 1")}


@given(where=MATTER_FILTERS)
@FEW
async def test_a_filter_through_an_edge_gives_the_rows_the_reference_gives(api: Api, where: Row) -> None:
    query = "query($f: MatterFilter) { matters(first: 40, filter: $f) { totalCount nodes { clioId firm } } }"
    page = (await api.query(query, {"f": where}, firms=[TWO])).data["matters"]
    assert [node["clioId"] for node in page["nodes"]] == expected(MATTERS[TWO], where, TWO)
    assert page["totalCount"] == len(page["nodes"])
    assert {node["firm"] for node in page["nodes"]} <= {"2"}


ORDERS = st.lists(
    st.tuples(st.sampled_from(["name", "date_of_birth", "is_client", "clio_updated_at", "clio_id"]), st.booleans()),
    max_size=3,
    unique_by=lambda term: term[0],
)


def sortable(row: Row, name: str) -> Any:
    return int(row[name]) if name == "clio_id" else row[name]


def in_order(rows: list[Row], order: list[tuple[str, bool]]) -> list[str]:
    """Sort as the API says it does: null is the largest, and Clio's id breaks ties."""

    def compare(one: Row, other: Row) -> int:
        for name, descending in order:
            left, right = ((row[name] is None, sortable(row, name)) for row in (one, other))
            if left != right:
                smaller = (not left[0]) if left[0] != right[0] else left[1] < right[1]
                return -1 if smaller != descending else 1
        return 1 if sortable(one, "clio_id") > sortable(other, "clio_id") else -1

    return [row["clio_id"] for row in sorted(rows, key=functools.cmp_to_key(compare))]


WALK = """query($order: [ContactOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  contacts(orderBy: $order, first: $first, after: $after, last: $last, before: $before,
           filter: {presence: {ne: UNKNOWN}}) {
    nodes { clioId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }"""


async def walk(api: Api, order: list[dict[str, str]], size: int, *, forwards: bool) -> list[str]:
    """Page through the whole list; the pages of a backward walk are put in front."""
    found: list[str] = []
    cursor = None
    while True:
        window = {"first": size, "after": cursor} if forwards else {"last": size, "before": cursor}
        page = (await api.query(WALK, {"order": order, **window})).data["contacts"]
        numbers = [node["clioId"] for node in page["nodes"]]
        assert len(numbers) <= size
        found = found + numbers if forwards else numbers + found
        info = page["pageInfo"]
        assert info["hasPreviousPage" if forwards else "hasNextPage"] == (cursor is not None)
        if not info["hasNextPage" if forwards else "hasPreviousPage"]:
            return found
        cursor = info["endCursor" if forwards else "startCursor"]


@given(order=ORDERS, size=st.integers(1, 13))
@settings(max_examples=15, deadline=None)
async def test_pages_in_any_order_and_both_ways_hold_every_row_once(
    api: Api, order: list[tuple[str, bool]], size: int
) -> None:
    terms = [{"field": name.upper(), "direction": "DESC" if down else "ASC"} for name, down in order]
    wanted = in_order(CONTACTS[ONE], order)
    assert await walk(api, terms, size, forwards=True) == wanted
    assert await walk(api, terms, size, forwards=False) == wanted


@given(after=st.integers(0, 11), before=st.integers(0, 11), first=st.integers(0, 13), last=st.integers(0, 13))
@settings(max_examples=25, deadline=None)
async def test_every_window_follows_the_algorithm_of_relay(
    api: Api, after: int, before: int, first: int, last: int
) -> None:
    every = "{ contacts(first: 40, filter: {presence: {ne: UNKNOWN}}) { edges { cursor node { clioId } } } }"
    edges = (await api.query(every)).data["contacts"]["edges"]
    window = {"first": first, "last": last, "after": edges[after]["cursor"], "before": edges[before]["cursor"]}
    page = (await api.query(WALK, window)).data["contacts"]
    numbers = [edge["node"]["clioId"] for edge in edges][after + 1 : before] if after < before else []
    shown = numbers[:first]
    shown = shown[max(0, len(shown) - last) :]
    assert [node["clioId"] for node in page["nodes"]] == shown
