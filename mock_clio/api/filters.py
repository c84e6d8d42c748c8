"""List parameters: reading their values, and what each keeps."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from mock_clio.api import filed
from mock_clio.api.activity_filters import activity_test
from mock_clio.api.custom_filters import OPERATORS, VALUES, value_test
from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Filter, Kind, Resource
from mock_clio.wire.errors import bad_argument
from mock_clio.wire.moments import parse_moment

Test = Callable[[Row], bool]
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_DATE_TEST = re.compile(r"(>=|<=|>|<|=)(\d{4}-\d{2}-\d{2})")


def parse_value(rule: Filter, text: str) -> object:
    """One value of a parameter in its type; None for the word null where it is allowed."""
    if rule.nullable and text == "null":
        return None
    if rule.kind is Kind.I64:
        if not re.fullmatch(r"-?\d{1,19}", text):
            raise bad_argument(f"'{text}' is not a valid {rule.name}")
        return int(text)
    if rule.kind is Kind.BOOL:
        if text.lower() not in _BOOLEANS:
            raise bad_argument(f"'{text}' is not a valid {rule.name}")
        return _BOOLEANS[text.lower()]
    if rule.kind is Kind.DATETIME:
        return parse_moment(text)
    return text


class Filters:
    """Builds the tests of one list request."""

    def __init__(self, store: Store, resource: Resource, *, inclusive: bool) -> None:
        self._store = store
        self._resource = resource
        self._inclusive = inclusive

    def tests(self, given: Mapping[str, list[str]]) -> list[Test]:
        """One test per parameter given; parameters the resource does not have are ignored."""
        tests, own = [], dict[str, object]()
        is_filed = self._resource.path in filed.FILED
        for name, texts in given.items():
            custom = VALUES.fullmatch(name) if "custom_field_values" in self._resource.filters else None
            if custom is not None and any(texts):
                definition = self._store["CustomField"].get(int(custom[1]))
                tests.append(value_test(definition, self._resource.schema.name, texts))
                continue
            rule = self._resource.filters.get(name) or self._resource.filters.get(f"{name}[]")
            if rule is None or not any(texts):
                continue
            values = [parse_value(rule, text) for text in (texts if rule.many else texts[-1:])]
            if is_filed and name in filed.OWN:
                own[name] = values[-1]
                continue
            test = self._test(rule, values)
            if test is not None:
                tests.append(test)
        return tests + filed.tests(self._store, self._resource, own) if is_filed else tests

    def _test(self, rule: Filter, values: list[object]) -> Test | None:
        name, value, wanted = rule.name, values[-1], frozenset(values)
        own = activity_test(name, value) if self._resource.path == "activities" else None
        if own is not None:
            return own
        match name:
            case "ids[]":
                return lambda row: row["id"] in wanted
            case "exclude_ids[]":
                return lambda row: row["id"] not in wanted
            case "created_since" | "updated_since":
                return self._since(f"{name.removesuffix('_since')}_at", value)
            case "open_date[]" | "pending_date[]" | "close_date[]":
                return _dates(name.removesuffix("[]"), [str(text) for text in values])
            case "status" | "subscription_type" | "type" | "initial" | "role" | "field_type" | "parent_type":
                return self._closed(rule, str(value))
            case "query":
                return _search(self._resource, self._store, str(value))
            case "custom_field_ids[]" | "custom_field_values" | "matter_id":
                return None
        return self._plain(name, value)

    def _since(self, column: str, value: object) -> Test:
        if not isinstance(value, float):
            raise bad_argument("not a time")
        moment = value
        if self._inclusive:
            return lambda row: row[column] >= int(moment)
        return lambda row: row[column] > moment

    def _closed(self, rule: Filter, text: str) -> Test:
        """A parameter with a closed set of values; `status` takes several, comma-separated."""
        words = text.split(",") if rule.name == "status" else [text]
        for word in words:
            if word not in rule.enum:
                raise bad_argument(f"'{word}' is not a valid {rule.name}")
        if rule.name == "role":
            return lambda row: words[0] in row["roles"]
        if rule.name == "initial":
            return lambda row: str(row["last_name"] or row["name"] or "").upper().startswith(words[0])
        wanted = {word.lower() for word in words}
        return lambda row: str(row[rule.name]).lower() in wanted

    def _plain(self, name: str, value: object) -> Test:
        match name:
            case "client_only":
                return _when(value, lambda row: bool(row["is_client"]))
            case "clio_connect_only":
                return _when(value, lambda row: bool(row["is_clio_for_client_user"]))
            case "email_only":
                return _when(value, lambda row: bool(row["email_addresses"]))
            case "include_co_counsel":
                return lambda row: bool(value) or not row["clio_connect"]
            case "visible_and_required":
                return _when(value, lambda row: bool(row["displayed"] and row["required"]))
            case "evergreen_retainer_filter" | "pending_setup" | "archived":
                return _when(value, lambda _row: False)
            case "currency_id":
                return lambda row: (row["currency"] or {}).get("id") == value
            case "user_id":
                return lambda row: any(user["id"] == value for user in row["users"])
            case "practice_area_id" if self._resource.path == "matter_stages":
                return lambda row: row["practice_area_id"] == str(value)
        return lambda row: row.get(name) == value


def _when(value: object, test: Test) -> Test:
    """A narrowing parameter: true narrows, false changes nothing."""
    return test if value else lambda _row: True


def _dates(column: str, texts: list[str]) -> Test:
    """Conditions on a date, an operator glued to a day; several must all hold."""
    conditions: list[tuple[Callable[[Any, Any], bool], str]] = []
    for text in texts:
        found = _DATE_TEST.fullmatch(text)
        if found is None:
            raise bad_argument(f"'{text}' is not a valid {column}")
        try:
            date.fromisoformat(found[2])
        except ValueError:
            raise bad_argument(f"'{text}' is not a valid {column}") from None
        conditions.append((OPERATORS[found[1]], found[2]))

    def test(row: Row) -> bool:
        day = row[column]
        return day is not None and all(compare(day, bound) for compare, bound in conditions)

    return test


def _search(resource: Resource, store: Store, text: str) -> Test:
    """Wildcard search: every word must occur somewhere in what the resource searches, whatever the case."""
    words = text.lower().split()

    def haystack(row: Row) -> str:
        match resource.path:
            case "contacts":
                parts = [row["name"], row["title"]]
                parts += [child.get("address") or child.get("number") for child in _reachable(row)]
                parts += [child[part] for child in row["addresses"] for part in ("street", "city", "province")]
                company = store["Contact"].get(row["company_id"])
                parts.append(company["name"] if company else None)
                parts += [child["value"] for child in row["custom_field_values"]]
            case "matters":
                parts = [row["display_number"], str(row["number"]), row["description"]]
                client = store["Contact"].get(row["client_id"])
                if client is not None:
                    parts += [client["first_name"], client["last_name"], client["name"]]
            case _:
                parts = [row["name"]]
        return "\n".join(part for part in parts if part).lower()

    return lambda row: all(word in haystack(row) for word in words)


def _reachable(row: Row) -> list[Row]:
    return [*row["email_addresses"], *row["phone_numbers"], *row["web_sites"], *row["instant_messengers"]]
