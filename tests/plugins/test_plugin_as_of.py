"""`asOf`: the rules, one by one, and every table as it was."""

import datetime
import itertools
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type
from strawberry.utils.str_converters import to_camel_case

from core.errors import AsOfUnsupported
from core.services import Services
from core.testing.api import GENERIC, Api, gid
from schema.as_of import PastReading
from schema.build import build_schema
from schema.read.as_of import AsOf, AsOfTable, AsOfTables, by_key
from schema.read.parameters import Parameters
from tests.plugins.storied import Moment, rows_of, rows_sql
from tests.plugins.storing import lose, store

LONG_AGO = "2001-01-01T00:00:00Z"


async def now(services: Services) -> str:
    at: datetime.datetime = await services.database.pool.fetchval("SELECT clock_timestamp()")
    return at.isoformat()


async def ask(api: Api, document: str, **variables: Any) -> Any:
    """Ask by the statement and by the resolvers, which must agree; return what was found."""
    planned = await api.query(document, variables)
    assert planned.headers["x-read-path"] == "planned"
    generic = await api.query(document, variables, headers=GENERIC)
    assert planned.data == generic.data
    return planned.data


def tables_of(services: Services) -> AsOfTables:
    """Return the tables of which the schema can tell the past."""
    source = build_schema(services.registry)._schema.query_type
    assert source is not None
    metadata = source.fields["node"].extensions["strawberry-definition"].metadata
    found: AsOfTables = next(each.as_of for each in metadata.values())
    return found


@pytest.mark.parametrize("name", [str, by_key], ids=["whole", "by_key"])
@pytest.mark.parametrize("firms", [frozenset({1}), frozenset({1, 2}), None], ids=["one", "both", "every"])
async def test_every_row_of_every_table_is_as_it_was(
    storied: tuple[Api, list[Moment]], name: Any, firms: frozenset[int] | None
) -> None:
    api, moments = storied
    tables, sessions = tables_of(api.services), api.services.database.reading
    for moment in moments:
        past = PastReading(sessions, tables, moment.at, firms)
        for table, rows in moment.tables.items():
            if name is by_key and table == "custom_fields_value":
                continue
            found = rows_of(await past.fetch(rows_sql(name(table))))
            assert found == [row for row in rows if firms is None or row["firm"] in firms], table
    for table in moments[0].tables:
        assert len({repr(moment.tables[table]) for moment in moments}) > 3, f"{table} has next to no past"


def fields_with_an_instant(services: Services) -> dict[str, Any]:
    """Return every field of Query that takes `asOf`."""
    query = build_schema(services.registry)._schema.query_type
    assert query is not None
    return {name: field for name, field in query.fields.items() if "asOf" in field.args}


async def test_every_lookup_and_list_takes_an_instant(graph: Api) -> None:
    resources = graph.services.registry.resources
    names = {to_camel_case(name) for each in resources for name in (each.name, each.plural)}
    assert fields_with_an_instant(graph.services).keys() == {"node", "nodes", *names}


async def test_a_firm_never_sees_anothers_past(storied: tuple[Api, list[Moment]]) -> None:
    api, moments = storied
    for name, field in fields_with_an_instant(api.services).items():
        if "first" not in field.args:
            continue
        type_name = get_named_type(field.type).name.removesuffix("Connection")
        [table] = [each.table_name for each in api.services.registry.resources if each.type_name == type_name]
        for moment, firms in itertools.product(moments[1::3], ([1], [2], [])):
            document = f"""query ($t: DateTime, $ids: [ID!]!) {{ {name}(asOf: $t, first: 200) {{ totalCount nodes {{
              id firm history {{ nodes {{ firm }} }} }} }} nodes(ids: $ids, asOf: $t) {{ id }} }}"""
            rows = moment.tables[table]
            ids = [gid(type_name, row["firm"], row["clio_id"]) for row in rows][:200]
            answer = (await api.query(document, {"t": moment.at.isoformat(), "ids": ids}, firms=firms)).data
            seen = [each["firm"] for each in answer[name]["nodes"]]
            assert set(seen) <= {str(firm) for firm in firms}
            assert (
                answer[name]["totalCount"]
                == len(seen)
                == sum(row["firm"] in firms and row["presence"] == "present" for row in rows)
            )
            assert {change["firm"] for each in answer[name]["nodes"] for change in each["history"]["nodes"]} <= set(
                seen
            )
            assert [each and each["id"] for each in answer["nodes"]] == [
                each if int(each.split(":")[1]) in firms else None for each in ids
            ]


async def test_every_field_of_every_record_has_a_past(storied: tuple[Api, list[Moment]]) -> None:
    """Whoever adds a field, it is read by the statement below its stand-ins; `Change.syncRun` alone is refused."""
    api, moments = storied
    for name, field in fields_with_an_instant(api.services).items():
        connection = get_named_type(field.type)
        if "first" not in field.args:
            continue
        node = get_named_type(connection.fields["nodes"].type)
        for below, each in node.fields.items():
            given = '(definition: "1")' if "definition" in each.args else ""
            inner = "" if is_leaf_type(get_named_type(each.type)) else " { __typename }"
            document = f"query ($t: DateTime) {{ {name}(asOf: $t, first: 2) {{ nodes {{ {below}{given}{inner} }} }} }}"
            answer = await api.query(document, {"t": moments[-2].at.isoformat()})
            assert answer.headers["x-read-path"] == "planned", f"{node.name}.{below}"
            assert "errors" not in answer.body, f"{node.name}.{below}"


async def test_a_record_is_what_it_was_and_is_not_before_it_came(graph: Api) -> None:
    instants = [await now(graph.services)]
    await store(graph.services, "contact", {"id": 1, "name": "Ana"})
    instants.append(await now(graph.services))
    await store(graph.services, "contact", {"id": 1, "name": "Ana Silva"}, minute=1)
    instants.append(await now(graph.services))
    await lose(graph.services, "contact", 1)
    instants.append(await now(graph.services))
    document = """query ($t: DateTime, $id: ID!) {
      contact(clioId: 1, asOf: $t) { name presence } node(id: $id, asOf: $t) { ... on Contact { name } }
      contacts(asOf: $t) { totalCount } }"""
    answers = [await ask(graph, document, t=at, id=gid("Contact", 1, 1)) for at in [*instants, None]]
    assert [each["contact"] for each in answers] == [
        None,
        {"name": "Ana", "presence": "PRESENT"},
        {"name": "Ana Silva", "presence": "PRESENT"},
        {"name": "Ana Silva", "presence": "DELETED"},
        {"name": "Ana Silva", "presence": "DELETED"},
    ]
    assert [each["contacts"]["totalCount"] for each in answers] == [0, 1, 1, 0, 0]
    assert [each["node"] and each["node"]["name"] for each in answers] == [None, "Ana", *["Ana Silva"] * 3]


async def test_history_ends_at_the_instant(graph: Api) -> None:
    await store(graph.services, "contact", {"id": 1, "name": "Ana"})
    before = await now(graph.services)
    await store(graph.services, "contact", {"id": 1, "name": "Ana Silva"}, minute=1)
    asked = "query ($t: DateTime) { contact(clioId: 1, asOf: $t) { history { totalCount nodes { id operation } } } }"
    assert [each["operation"] for each in (await ask(graph, asked, t=before))["contact"]["history"]["nodes"]] == [
        "created"
    ]
    latest, first = (await ask(graph, asked))["contact"]["history"]["nodes"]
    document = "query ($t: DateTime, $ids: [ID!]!) { nodes(ids: $ids, asOf: $t) { id } }"
    found = (await ask(graph, document, t=before, ids=[latest["id"], first["id"]]))["nodes"]
    assert found == [None, {"id": first["id"]}]


async def test_root_fields_may_be_of_different_instants(graph: Api) -> None:
    await store(graph.services, "contact", {"id": 1, "name": "Ana"})
    before = await now(graph.services)
    await store(graph.services, "contact", {"id": 1, "name": "Ana Silva"}, minute=1)
    document = """query ($t: DateTime) { then: contact(clioId: 1, asOf: $t) { name } now: contact(clioId: 1) { name }
      metrics { contacts { total } } }"""
    answer = await graph.query(document, {"t": before})
    assert answer.data["then"] == {"name": "Ana"}
    assert answer.data["now"] == {"name": "Ana Silva"}
    assert answer.headers["x-read-path"] == "mixed"


async def test_a_read_of_the_past_is_one_statement(storied: tuple[Api, list[Moment]]) -> None:
    api, moments = storied
    document = """query ($t: DateTime) { contacts(asOf: $t, first: 5) { totalCount nodes { name
      matters { nodes { activities { totalCount } customFieldValues { text } } } history { totalCount } } } }"""
    with api.count_sql() as statements:
        answer = await api.query(document, {"t": moments[2].at.isoformat()})
    assert answer.data["contacts"]["nodes"] != []
    assert len(statements) == 1


async def test_without_an_instant_no_stand_in_is_read(graph: Api) -> None:
    with graph.count_sql() as statements:
        await graph.query("query ($t: DateTime) { contacts(asOf: $t) { nodes { name } } }")
        await graph.query("{ contacts { nodes { name company { name } } } }")
    assert not [text for text in statements if "change" in text or "/*" in text or "WITH" in text]


async def test_a_cursor_is_good_for_any_instant(graph: Api) -> None:
    await store(graph.services, "contact", *({"id": number} for number in (1, 2, 3)))
    before = await now(graph.services)
    await lose(graph.services, "contact", 2)
    document = """query ($t: DateTime, $after: String) { contacts(asOf: $t, first: 1, after: $after) {
      nodes { clioId } pageInfo { endCursor } } }"""
    page = (await ask(graph, document))["contacts"]
    after = page["pageInfo"]["endCursor"]
    assert (await ask(graph, document, after=after))["contacts"]["nodes"] == [{"clioId": "3"}]
    assert (await ask(graph, document, after=after, t=before))["contacts"]["nodes"] == [{"clioId": "2"}]


@pytest.mark.parametrize(
    ("at", "code", "said"),
    [
        ("2999-01-01T00:00:00Z", "BAD_USER_INPUT", "asOf is in the future"),
        ("2026-01-01", "BAD_USER_INPUT", "a DateTime is ISO 8601 with a zone"),
        ("2026-01-01T00:00:00", "BAD_USER_INPUT", "a DateTime is ISO 8601 with a zone"),
    ],
)
@pytest.mark.parametrize(
    "field", ["contact(clioId: 1, asOf: $t)", "contacts(asOf: $t)", 'node(id: "Contact:1:1", asOf: $t)']
)
async def test_what_is_no_past_instant_is_refused(graph: Api, field: str, at: str, code: str, said: str) -> None:
    for headers in ({}, GENERIC):
        answer = await graph.query(f"query ($t: DateTime) {{ {field} {{ __typename }} }}", {"t": at}, headers=headers)
        assert answer.codes == [code]
        assert said in answer.messages[0]


async def test_purged_history_is_refused_with_the_earliest_instant(graph: Api) -> None:
    await store(graph.services, "contact", {"id": 1})
    await store(graph.services, "contact", {"id": 2}, firm=2)
    horizon = await now(graph.services)
    await graph.services.database.pool.execute(
        "UPDATE firm SET history_from_at = $1 WHERE id = 2", datetime.datetime.fromisoformat(horizon)
    )
    document = """query ($t: DateTime, $firm: ID, $ids: [ID!]!) {
      contacts(asOf: $t, firm: $firm) { totalCount } contact(clioId: 1, asOf: $t, firm: $firm) { clioId }
      nodes(ids: $ids, asOf: $t) { id } }"""
    theirs = {"t": LONG_AGO, "firm": "2", "ids": [gid("Contact", 1, 1), gid("Contact", 2, 2)]}
    ours = {"t": LONG_AGO, "firm": "1", "ids": [gid("Contact", 1, 1)]}
    for headers in ({}, GENERIC):
        refused = await graph.query(document, theirs, firms=[1, 2], headers=headers)
        assert set(refused.codes) == {"HISTORY_PURGED"}
        assert horizon in refused.messages[0]
        told = await graph.query(document, ours, firms=[1, 2], headers=headers)
        assert told.data == {"contacts": {"totalCount": 0}, "contact": None, "nodes": [None]}
        at_last = await graph.query(document, {**theirs, "t": horizon}, firms=[1, 2], headers=headers)
        assert at_last.data["contacts"] == {"totalCount": 1}
        both = await graph.query(
            "query ($t: DateTime) { contacts(asOf: $t) { totalCount } }", {"t": LONG_AGO}, firms=[1, 2], headers=headers
        )
        assert both.codes == ["HISTORY_PURGED"]


async def test_a_foreign_firms_horizon_is_not_told(graph: Api) -> None:
    await graph.services.database.pool.execute("UPDATE firm SET history_from_at = now() WHERE id = 2")
    document = "query ($t: DateTime, $id: ID!) { node(id: $id, asOf: $t) { id } contacts(asOf: $t) { totalCount } }"
    found = await ask(graph, document, t=LONG_AGO, id=gid("Contact", 2, 2))
    assert found == {"node": None, "contacts": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("contacts(asOf: $t) { nodes { history { nodes { syncRun { id } } } } }", "Change.syncRun"),
        (
            "contact(clioId: 1, asOf: $t) { matters { nodes { history { edges { node { syncRun { id } } } } } } }",
            "Change.syncRun",
        ),
        ('node(id: "SyncRun:1:1", asOf: $t) { id }', "sync_run"),
        ('nodes(ids: ["Contact:1:1", "Firm:1:1"], asOf: $t) { id }', "firm"),
    ],
)
async def test_what_has_no_history_is_refused_by_name(graph: Api, document: str, named: str) -> None:
    for headers in ({}, GENERIC):
        answer = await graph.query(f"query ($t: DateTime) {{ {document} }}", {"t": LONG_AGO}, headers=headers)
        assert set(answer.codes) == {"AS_OF_UNSUPPORTED"}
        assert f"{named} has no history" in answer.messages[0]


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT n FROM tasks_extra AS e", "tasks_extra"),
        (
            "SELECT (SELECT count(*) FROM contacts_contact AS c, tasks_extra AS e) FROM contacts_contact AS t",
            "tasks_extra",
        ),
        ("SELECT tasks_sum(t.id) FROM contacts_contact AS t", "tasks_sum"),
        ('SELECT n FROM contacts_contact AS t JOIN "ledger" AS l ON true', "ledger"),
        ("select n from Ledger l", "ledger"),
        ("SELECT n FROM public.contacts_contact AS t", "public"),
        ("SELECT t.state FROM sync_run AS t", "sync_run"),
    ],
)
def test_sql_that_names_what_nothing_stands_in_for_is_refused(registry: Any, sql: str, named: str) -> None:
    tables = AsOfTables(registry.resources, [], ["contacts", "tasks"])
    with pytest.raises(AsOfUnsupported, match=f"^{named} has no history"):
        tables.put_below(sql, AsOf(datetime.datetime.now(datetime.UTC), frozenset({1}), Parameters()))


def test_sql_of_mirror_tables_is_taken_however_it_is_written(registry: Any) -> None:
    extra = AsOfTable(name="tasks_extra", sql=lambda _: "SELECT 1 AS n FROM tasks_extra AS e")
    tables = AsOfTables(registry.resources, [extra], ["contacts", "tasks"])
    sql = """SELECT ' FROM ledger', t.tasks_column, t.name IS DISTINCT FROM t.title, extract(year FROM t.date_of_birth)
      AS "tasks_of_mine", (WITH RECURSIVE up AS (SELECT 1 AS n UNION SELECT n FROM up) SELECT count(*) FROM up)
      FROM contacts_contact AS t JOIN unnest(ARRAY[1]) AS u (n) ON true, LATERAL jsonb_array_elements(t.addresses) AS a,
      tasks_extra AS e"""
    below = tables.put_below(sql, AsOf(datetime.datetime.now(datetime.UTC), frozenset({1}), Parameters()))
    assert below.endswith(sql)
    assert [name in below for name in ('"contacts_contact" AS', '"tasks_extra" AS', '"users_user" AS')] == [
        True,
        True,
        False,
    ]


async def test_folders_are_where_they_were(graph: Api) -> None:
    await store(
        graph.services,
        "folder",
        {"id": 1, "name": "Root", "root": True},
        {"id": 2, "name": "Drafts", "parent": {"id": 1}},
    )
    await store(graph.services, "document", {"id": 5, "name": "Deed", "parent": {"id": 2}})
    before = await now(graph.services)
    await store(
        graph.services, "folder", {"id": 2, "name": "Filed", "parent": None}, {"id": 3, "name": "New"}, minute=1
    )
    await store(graph.services, "document", {"id": 5, "name": "Deed", "parent": {"id": 3}}, minute=1)
    document = """query ($t: DateTime) { documents(asOf: $t) { nodes { path ancestors { name } } }
      folders(asOf: $t) { nodes { name path allDocuments { totalCount } } } }"""
    then, later = await ask(graph, document, t=before), await ask(graph, document)
    assert then["documents"]["nodes"] == [
        {"path": "Root/Drafts/Deed", "ancestors": [{"name": "Root"}, {"name": "Drafts"}]}
    ]
    assert then["folders"]["nodes"] == [
        {"name": "Root", "path": "Root", "allDocuments": {"totalCount": 1}},
        {"name": "Drafts", "path": "Root/Drafts", "allDocuments": {"totalCount": 1}},
    ]
    assert later["documents"]["nodes"] == [{"path": "New/Deed", "ancestors": [{"name": "New"}]}]
    assert [each["allDocuments"]["totalCount"] for each in later["folders"]["nodes"]] == [0, 0, 1]


async def test_a_version_is_current_as_of_then(graph: Api) -> None:
    def document(version: int) -> dict[str, Any]:
        latest = {"id": version, "version_number": version, "document_id": 5}
        return {"id": 5, "name": "Deed", "latest_document_version": latest}

    await store(graph.services, "document", document(1))
    before = await now(graph.services)
    await store(graph.services, "document", document(2), minute=1)
    asked = """query ($t: DateTime) { documentVersions(asOf: $t) { nodes { clioId isCurrent } }
      document(clioId: 5, asOf: $t) { latestVersion { clioId } versions { totalCount } } }"""
    then, later = await ask(graph, asked, t=before), await ask(graph, asked)
    assert then["documentVersions"]["nodes"] == [{"clioId": "1", "isCurrent": True}]
    assert then["document"] == {"latestVersion": {"clioId": "1"}, "versions": {"totalCount": 1}}
    assert [each["isCurrent"] for each in later["documentVersions"]["nodes"]] == [False, True]
