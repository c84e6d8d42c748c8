"""Whatever is written, in whatever order: a read as of any instant says what a model remembers of it."""

import copy
import datetime
import itertools
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.mirror.writer import mark_absent, validate_records, write_records
from core.services import Services
from core.testing.api import Api, gid
from schema.build import build_schema
from schema.execution import GraphQLRequest, Operations, ReadPath
from tests.plugins.test_plugin_one_statement import caller

CASES = int(os.environ.get("AS_OF_CASES", "15"))
"""Histories to draw; hundreds for the long form."""

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
FIELD = 77
CONTACTS, MATTERS = range(1, 6), range(11, 14)
FIRMS = itertools.count(100)
"""Every history has a firm of its own, among those of all that were drawn before."""

Model = dict[str, dict[int, dict[str, Any]]]

NAMES = st.sampled_from([None, "a", "b", "c"])
CONTACT = st.fixed_dictionaries(
    {
        "id": st.sampled_from(CONTACTS),
        "name": NAMES,
        "to": st.sampled_from([None, 1, 2, 9]),
        "value": st.sampled_from([None, "5", "150", "1e2"]),
    }
)
MATTER = st.fixed_dictionaries(
    {"id": st.sampled_from(MATTERS), "name": NAMES, "to": st.sampled_from([None, *CONTACTS])}
)
GONE = st.tuples(st.sampled_from(["deleted", "hidden", "unknown"]), st.sampled_from([*CONTACTS, *MATTERS]))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("contact"), st.lists(CONTACT, min_size=1, max_size=3, unique_by=lambda each: each["id"])),
        st.tuples(st.just("matter"), st.lists(MATTER, min_size=1, max_size=2, unique_by=lambda each: each["id"])),
        GONE,
    ),
    min_size=1,
    max_size=14,
)


class History:
    """A firm that is written to step by step, what a model remembers after each, and the instant."""

    def __init__(self, services: Services, firm: int) -> None:
        self.firm = firm
        self.states: list[tuple[datetime.datetime, Model]] = []
        self._services = services
        self._model: Model = {"contact": {}, "matter": {}}
        self._minute = 0

    async def begin(self) -> None:
        """Make the firm, with nothing in it; its custom field is written after that."""
        pool = self._services.database.pool
        await pool.execute("INSERT INTO firm (id, region, clio_account_id, name) VALUES ($1, 'us', $1, '')", self.firm)
        await self._remember()
        await self._write(
            "custom_field", [{"id": FIELD, "name": "F", "parent_type": "Contact", "field_type": "numeric"}]
        )

    async def take(self, step: tuple[str, Any]) -> None:
        """Write what a step says."""
        self._minute += 1
        kind, what = step
        if kind in self._model:
            await self._write(kind, [_payload(kind, each) for each in what])
            for each in what:
                self._tell(kind, each["id"], {**each, "presence": "present"})
        else:
            resource = "contact" if what in CONTACTS else "matter"
            known = self._model[resource].get(what)
            moved = await mark_absent(
                self._services.database.pool, self._services.registry.resource(resource), firm=self.firm, clio_id=what,
                presence=kind, seen_at=self._at, source="webhook",  # type: ignore[arg-type]  # a drawn word
                evidence={"webhook": kind},
            )  # fmt: skip
            assert moved == (known is not None and known["presence"] != kind)
            if moved and known is not None:
                self._tell(resource, what, {**known, "presence": kind})
        await self._remember()

    @property
    def _at(self) -> datetime.datetime:
        return NOW + datetime.timedelta(minutes=self._minute)

    def _tell(self, kind: str, number: int, record: dict[str, Any]) -> None:
        changes = self._model[kind].get(number, {}).get("changes", 0) + 1
        self._model[kind][number] = {**record, "seen": self._at.isoformat(), "changes": changes}

    async def _write(self, kind: str, records: list[dict[str, Any]]) -> None:
        resource = self._services.registry.resource(kind)
        payloads = validate_records(resource, [{**each, "updated_at": self._at.isoformat()} for each in records])
        how: dict[str, Any] = {"firm": self.firm, "seen_at": self._at, "source": "incremental"}
        await write_records(self._services.database.pool, resource, payloads=payloads, **how)

    async def _remember(self) -> None:
        at = await self._services.database.pool.fetchval("SELECT clock_timestamp()")
        self.states.append((at, copy.deepcopy(self._model)))


def _payload(kind: str, each: dict[str, Any]) -> dict[str, Any]:
    to = None if each["to"] is None else {"id": each["to"]}
    if kind == "matter":
        return {"id": each["id"], "description": each["name"], "client": to}
    value = {"id": "numeric-1", "field_name": "F", "field_type": "numeric", "value": each["value"]}
    values = [] if each["value"] is None else [{**value, "custom_field": {"id": FIELD}}]
    return {"id": each["id"], "name": each["name"], "company": to, "custom_field_values": values}


DOCUMENT = """query ($t: DateTime!, $ids: [ID!]!) {
  all: contacts(asOf: $t, filter: {presence: {in: [PRESENT, DELETED, HIDDEN, UNKNOWN]}}) { totalCount nodes {
    clioId name presence seenAt company { clioId name presence } history { totalCount }
    matters { totalCount nodes { clioId } } values: customFieldValues { text customField { clioId } } } }
  present: contacts(asOf: $t, orderBy: [{field: NAME, direction: DESC}]) { totalCount nodes { clioId } }
  named: contacts(asOf: $t, filter: {or: [{name: {eq: "a"}}, {name: {isNull: true}}]}) { totalCount nodes { clioId } }
  through: matters(asOf: $t, filter: {client: {name: {eq: "a"}}}) {
    totalCount nodes { clioId client { clioId name presence } } }
  rich: contacts(asOf: $t, filter: {customField: {definition: "77", gte: 100}}) { totalCount nodes { clioId } }
  sorted: contacts(asOf: $t, orderBy: [{customField: "77", direction: DESC}]) { nodes { clioId } }
  customField(clioId: "77", asOf: $t) { contacts { totalCount nodes { clioId } } }
  nodes(ids: $ids, asOf: $t) { id ... on Contact { name presence } ... on Matter { description } }
  now: contacts { totalCount }
}"""


def numbers(found: list[int]) -> dict[str, Any]:
    return {"totalCount": len(found), "nodes": [{"clioId": str(each)} for each in found]}


def brief(number: int, record: dict[str, Any] | None) -> dict[str, Any] | None:
    """Say what edges tell of a contact."""
    return record and {"clioId": str(number), "name": record["name"], "presence": record["presence"].upper()}


def whole(model: Model, number: int, *, has_field: bool) -> dict[str, Any]:
    """Say what the list of all contacts tells of one."""
    contacts, matters = model["contact"], model["matter"]
    each = contacts[number]
    value = {"text": each["value"], "customField": {"clioId": "77"} if has_field else None}
    return {
        **(brief(number, each) or {}),
        "seenAt": each["seen"],
        "company": brief(each["to"], contacts.get(each["to"])),
        "history": {"totalCount": each["changes"]},
        "matters": numbers(sorted(n for n, case in present(matters).items() if case["to"] == number)),
        "values": [] if each["value"] is None else [value],
    }


def present(records: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {number: each for number, each in sorted(records.items()) if each["presence"] == "present"}


def node(model: Model, firm: int, kind: str, number: int) -> dict[str, Any] | None:
    """Say what a node by its global id tells."""
    found = model[kind].get(number)
    if found is None:
        return None
    if kind == "matter":
        return {"id": gid("Matter", firm, number), "description": found["name"]}
    return {"id": gid("Contact", firm, number), "name": found["name"], "presence": found["presence"].upper()}


def by_name(record: dict[str, Any]) -> int:
    """Return where a name stands in descending order; null first."""
    return -ord(record["name"] or "~")


def expected(model: Model, latest: Model, firm: int, *, has_field: bool) -> dict[str, Any]:
    """Say in Python what the document asks."""
    contacts, here, cases = model["contact"], present(model["contact"]), present(model["matter"])
    amounts = {number: float(each["value"]) for number, each in here.items() if each["value"] is not None}
    through = [n for n, each in cases.items() if contacts.get(each["to"], {}).get("name") == "a"]
    return {
        "all": {
            "totalCount": len(contacts),
            "nodes": [whole(model, number, has_field=has_field) for number in sorted(contacts)],
        },
        "present": numbers(sorted(here, key=lambda n: (by_name(here[n]), n))),
        "named": numbers([n for n, each in here.items() if each["name"] in {"a", None}]),
        "through": {
            "totalCount": len(through),
            "nodes": [
                {"clioId": str(n), "client": brief(cases[n]["to"], contacts.get(cases[n]["to"]))} for n in through
            ],
        },
        "rich": numbers([n for n, amount in amounts.items() if amount >= 100]),
        "sorted": {"nodes": numbers(sorted(here, key=lambda n: (n in amounts, -amounts.get(n, 0.0), n)))["nodes"]},
        "customField": {"contacts": numbers(list(amounts))} if has_field else None,
        "nodes": [node(model, firm, kind, number) for kind, number in ROUND],
        "now": {"totalCount": len(present(latest["contact"]))},
    }


ROUND = [*(("contact", n) for n in CONTACTS), *(("matter", n) for n in MATTERS)]


@pytest.fixture
async def operations(graph: Api) -> Operations:
    """The operations of a mirror whose histories are yet to be written."""
    return Operations(build_schema(graph.services.registry), graph.services)


@given(steps=STEPS, places=st.lists(st.integers(0, 14), min_size=2, max_size=3))
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_instant_is_as_it_was(
    operations: Operations, steps: list[tuple[str, Any]], places: list[int]
) -> None:
    history = History(operations.services, next(FIRMS))
    await history.begin()
    for step in steps:
        await history.take(step)
    latest = history.states[-1][1]
    for place in {*(place % len(history.states) for place in places), len(history.states) - 1}:
        at, model = history.states[place]
        variables = {"t": at.isoformat(), "ids": [gid(name.title(), history.firm, n) for name, n in ROUND]}
        wanted = expected(model, latest, history.firm, has_field=place > 0)
        for generic in (False, True):
            request = GraphQLRequest(query=DOCUMENT, variables=variables)
            answer = await operations.answer(request, caller({history.firm}), generic=generic)
            assert json.loads(answer.body)["data"] == wanted
            assert answer.path is (ReadPath.GENERIC if generic else ReadPath.PLANNED)
