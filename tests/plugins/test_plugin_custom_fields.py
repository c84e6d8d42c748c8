"""Custom field values: typed where that can be read, found by definition, and never lost."""

import secrets
from typing import Any

import pytest

from core.services import Services
from core.testing.api import Api
from plugins.custom_fields.values import CustomFieldValue
from tests.plugins.storing import store

FIELDS = {
    1: "text_line",
    2: "text_area",
    3: "email",
    4: "url",
    5: "numeric",
    6: "currency",
    7: "date",
    8: "time",
    9: "checkbox",
    10: "picklist",
    11: "contact",
    12: "matter",
    13: "hologram",
}

VALUES: dict[int, Any] = {
    1: "Bar association",
    2: "two\nlines",
    3: "a@example.com",
    4: "https://example.com",
    5: "42",
    6: "1250.50",
    7: "2026-03-01",
    8: "14:30",
    9: "true",
    10: "702",
    11: "500",
    12: "900",
    13: "a deer, slowly turning",
}


def value(number: int, given: Any, **changes: Any) -> dict[str, Any]:
    kind = FIELDS[number]
    return {
        "id": None if given is None else f"{kind}-{number}",
        "field_name": f"Field {number}",
        "field_type": kind,
        "value": given,
        "soft_deleted": False,
        "custom_field": {"id": number, "etag": '"1"'},
        **changes,
    }


async def define(services: Services, *, firm: int = 1) -> None:
    options = [
        {"id": 701, "option": "Supreme Court", "deleted_at": None},
        {"id": 702, "option": "Provincial Court", "deleted_at": "2026-04-01T12:00:00-04:00"},
    ]
    definitions = [
        {
            "id": number,
            "name": f"Field {number}",
            "parent_type": "Matter",
            "field_type": kind,
            "picklist_options": options if kind == "picklist" else [],
        }
        for number, kind in FIELDS.items()
    ]
    await store(services, "custom_field", *definitions, firm=firm)


WHOLE = """{ matter(clioId: 900) { customFieldValues {
  __typename fieldName fieldType text valueId byName softDeleted customField { clioId name }
  ... on CustomFieldNumericValue { number } ... on CustomFieldCurrencyValue { number }
  ... on CustomFieldDateValue { date } ... on CustomFieldTimeValue { time }
  ... on CustomFieldCheckboxValue { checked }
  ... on CustomFieldPicklistValue { optionId option { id option deletedAt } }
  ... on CustomFieldContactValue { contactClioId contact { name } }
  ... on CustomFieldMatterValue { matterClioId matter { description } }
} } }"""


async def test_every_kind_of_value_is_typed(graph: Api, snapshot: Any) -> None:
    await define(graph.services)
    await store(graph.services, "contact", {"id": 500, "name": "Ana Silva"})
    values = [value(number, given) for number, given in VALUES.items()]
    await store(graph.services, "matter", {"id": 900, "description": "Lease", "custom_field_values": values})
    with graph.count_sql() as statements:
        answer = (await graph.query(WHOLE)).data
    assert answer == snapshot
    assert len(statements) == 1


def test_values_are_read_whatever_json_type_they_travel_in() -> None:
    def kept(kind: str, given: Any, **more: Any) -> dict[str, Any]:
        return CustomFieldValue.model_validate({"field_type": kind, "value": given, **more}).to_json()

    assert kept("numeric", 42)["number"] == kept("numeric", "42")["number"] == kept("numeric", 42.0)["number"] == "42"
    assert kept("currency", 105.4)["number"] == "105.4"
    assert kept("checkbox", True)["checked"] is kept("checkbox", "Yes")["checked"] is True
    assert kept("checkbox", "0")["checked"] is False
    assert [kept("time", text)["time"] for text in ("14:30", "14:30:00", "2026-01-01T14:30:00-08:00", "2:30 pm")] == [
        "14:30:00"
    ] * 4
    assert kept("picklist", 702)["reference"] == kept("picklist", None, picklist_option={"id": 702})["reference"] == 702
    assert kept("contact", None, contact={"id": 7, "name": "x"})["reference"] == 7
    assert kept("hologram", {"a": [1]})["text"] == '{"a": [1]}'


@pytest.mark.parametrize(
    ("kind", "given"),
    [("numeric", "a dozen"), ("date", "soon"), ("time", "noon"), ("checkbox", "maybe"), ("picklist", "9" * 30)],
)
def test_what_is_no_value_of_its_type_stays_as_text(kind: str, given: str) -> None:
    kept = CustomFieldValue.model_validate({"field_type": kind, "value": given}).to_json()
    assert kept["text"] == given
    assert kept.keys().isdisjoint({"number", "date", "time", "checked", "reference"})


async def matters_with(graph: Api, condition: str) -> list[str]:
    answer = await graph.query(f"{{ matters(filter: {{customField: {condition}}}) {{ nodes {{ clioId }} }} }}")
    return [node["clioId"] for node in answer.data["matters"]["nodes"]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('{definition: "6", gte: 100}', ["901", "903"]),
        ('{definition: "6", gte: 100, lt: 200}', ["901"]),
        ('{definition: "6", eq: "100.00"}', ["901"]),
        ('{definition: "6", ne: 100}', ["902", "903", "904"]),
        ('{definition: "6", in: [100, 20]}', ["901", "902"]),
        ('{definition: "6", notIn: [100, 20]}', ["903", "904"]),
        ('{definition: "6", isNull: true}', ["904"]),
        ('{definition: "6", isNull: false}', ["901", "902", "903"]),
        ('{definition: "7", gt: "2026-01-15"}', ["902"]),
        ('{definition: "8", lte: "09:00"}', ["901"]),
        ('{definition: "9", eq: true}', ["901"]),
        ('{definition: "10", eq: "702"}', ["902"]),
        ('{definition: "10", eq: 701}', ["901"]),
        ('{definition: "1", startsWith: "Al"}', ["901"]),
        ('{definition: "1", contains: "pha"}', ["901"]),
        ('{definition: "1", eq: "Beta"}', ["902"]),
        ('{definition: "1", gt: 5}', []),
        ('{definition: "999", eq: 1}', []),
    ],
)
async def test_lists_are_filtered_by_definition(graph: Api, condition: str, found: list[str]) -> None:
    await fill(graph.services)
    assert await matters_with(graph, condition) == found


async def fill(services: Services) -> None:
    await define(services)
    given: dict[int, dict[int, Any]] = {
        901: {1: "Alpha", 6: "100", 7: "2026-01-01", 8: "08:00", 9: "true", 10: "701"},
        902: {1: "Beta", 6: "20", 7: "2026-02-01", 8: "10:00", 9: "false", 10: "702"},
        903: {6: "3000"},
        904: {6: None},
    }
    await store(
        services,
        "matter",
        *(
            {"id": clio_id, "custom_field_values": [value(number, each) for number, each in values.items()]}
            for clio_id, values in given.items()
        ),
    )
    await store(
        services, "matter", {"id": 901, "custom_field_values": [value(6, "100")]}, firm=2
    )  # another firm's, of the same numbers


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ('{customField: "6", direction: ASC}', ["902", "901", "903", "904"]),
        ('{customField: "6", direction: DESC}', ["904", "903", "901", "902"]),
        ('{customField: "10", direction: ASC}', ["902", "901", "903", "904"]),  # Provincial before Supreme
        ('{customField: "7", direction: DESC}, {field: CLIO_ID, direction: DESC}', ["904", "903", "902", "901"]),
    ],
)
async def test_lists_are_ordered_by_a_custom_field_and_paged(graph: Api, order: str, found: list[str]) -> None:
    await fill(graph.services)
    seen: list[str] = []
    after: str | None = None
    while len(seen) < 10:
        document = f"""query ($after: String) {{ matters(first: 1, after: $after, orderBy: [{order}]) {{
            nodes {{ clioId }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        page = (await graph.query(document, {"after": after})).data["matters"]
        seen += [node["clioId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == found


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{ matters(filter: {customField: {definition: "6"}}) { totalCount } }', "names a definition and no condition"),
        ('{ matters(filter: {customField: {definition: "six", eq: 1}}) { totalCount } }', "customField.definition"),
        ('{ matters(filter: {customField: {definition: "6", eq: null}}) { totalCount } }', "use isNull"),
        ("{ matters(orderBy: [{direction: ASC}]) { totalCount } }", "names one of: field, customField"),
        ('{ matters(orderBy: [{customField: "x", direction: ASC}]) { totalCount } }', "orderBy.customField"),
    ],
)
async def test_a_bad_condition_is_named(graph: Api, document: str, message: str) -> None:
    answer = await graph.query(document)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert message in answer.messages[0]


async def test_a_value_that_changes_or_goes_is_projected_anew(graph: Api) -> None:
    await fill(graph.services)
    await store(graph.services, "matter", {"id": 901, "custom_field_values": [value(6, "7")]}, minute=1)
    assert await matters_with(graph, '{definition: "6", lt: 100}') == ["901", "902"]
    assert await matters_with(graph, '{definition: "1", startsWith: "Al"}') == []
    await store(graph.services, "matter", {"id": 901, "custom_field_values": []}, minute=2)
    assert await matters_with(graph, '{definition: "6", isNull: true}') == ["901", "904"]


async def test_a_hidden_definition_is_found_by_its_name_whichever_comes_first(graph: Api) -> None:
    hidden = value(6, "5", custom_field={"redacted": True, "id": None})
    await store(graph.services, "matter", {"id": 900, "custom_field_values": [hidden]})
    query = "{ matter(clioId: 900) { customFieldValues { byName customField { clioId } } } }"
    assert (await graph.query(query)).data["matter"]["customFieldValues"] == [{"byName": False, "customField": None}]
    await define(graph.services)
    found = [{"byName": True, "customField": {"clioId": "6"}}]
    assert (await graph.query(query)).data["matter"]["customFieldValues"] == found
    assert await matters_with(graph, '{definition: "6", eq: 5}') == ["900"]
    await store(graph.services, "matter", {"id": 901, "custom_field_values": [hidden]})
    assert await matters_with(graph, '{definition: "6", eq: 5}') == ["900", "901"]


async def test_names_of_any_length_are_kept_and_told_apart(graph: Api) -> None:
    """Random, for PostgreSQL packs what repeats itself; the first 2,000 characters are the same."""
    begin = secrets.token_hex(1_000)
    query = "{ matter(clioId: 900) { customFieldValues { fieldName customField { clioId } } } }"
    names = [begin + secrets.token_hex(2_000) for _ in range(2)]
    hidden = [value(6, "5", field_name=name, custom_field={"redacted": True, "id": None}) for name in names]
    await store(graph.services, "matter", {"id": 900, "custom_field_values": hidden})
    definition = {"id": 60, "name": names[1], "parent_type": "Matter", "field_type": "currency"}
    await store(graph.services, "custom_field", definition)
    assert (await graph.query(query)).data["matter"]["customFieldValues"] == [
        {"fieldName": names[0], "customField": None},
        {"fieldName": names[1], "customField": {"clioId": "60"}},
    ]


async def test_one_value_and_the_records_of_a_definition_and_of_a_set(graph: Api) -> None:
    await fill(graph.services)
    await store(
        graph.services, "custom_field_set", {"id": 50, "name": "Court", "custom_fields": [{"id": 6}, {"id": 7}]}
    )
    document = """{
      matter(clioId: 902) {
        money: customFieldValue(definition: "6") { text } none: customFieldValue(definition: "2") { text }
      }
      customField(clioId: 6) {
        matters { totalCount nodes { clioId } } customFieldSets { nodes { name } } contacts { totalCount }
      }
      customFieldSets { nodes { customFields(orderBy: [{field: CLIO_ID, direction: DESC}]) { nodes { clioId } } } }
    }"""
    assert (await graph.query(document)).data == {
        "matter": {"money": {"text": "20"}, "none": None},
        "customField": {
            "matters": {"totalCount": 3, "nodes": [{"clioId": "901"}, {"clioId": "902"}, {"clioId": "903"}]},
            "customFieldSets": {"nodes": [{"name": "Court"}]},
            "contacts": {"totalCount": 0},
        },
        "customFieldSets": {"nodes": [{"customFields": {"nodes": [{"clioId": "7"}, {"clioId": "6"}]}}]},
    }


async def test_values_go_with_rows_that_are_removed_for_good(graph: Api) -> None:
    await fill(graph.services)
    pool = graph.services.database.pool
    await pool.execute("DELETE FROM matters_matter WHERE firm = 1")
    assert [row["firm"] for row in await pool.fetch("SELECT DISTINCT firm FROM custom_fields_value")] == [2]
    await pool.execute("TRUNCATE matters_matter")
    assert await pool.fetch("SELECT FROM custom_fields_value") == []
