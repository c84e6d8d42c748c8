"""Queries of the mirror drawn from the schema itself: lists, lookups, edges, fragments, directives, arguments."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

SCALARS: dict[str, Sequence[str]] = {
    "String": ('"a"', '"Open"', '"Person"', '""', '"x\\"y"'),
    "ID": ('"1"', '"1690233440"', '"2413664310"'),
    "Int": ("0", "1", "7", "2000000000"),
    "BigInt": ("0", "4096"),
    "Float": ("0.5", "3"),
    "Boolean": ("true", "false"),
    "Decimal": ('"0"', '"100.50"', "250"),
    "Date": ('"2024-05-01"', '"2026-01-01"'),
    "DateTime": ('"2025-05-01T00:00:00Z"', '"2026-10-27T10:52:39+02:00"'),
    "Time": ('"09:30:00"',),
    "Scalar": ('"a"', "12", "true", '"2024-05-01"'),
}

DIRECTIVES = ("@include(if: $on)", "@skip(if: $off)", "@skip(if: $on)")
LOGIC = frozenset({"and", "or", "not"})


class QueryMaker:
    """Draws documents. `ids` are global ids by type, `numbers` Clio's ids, `definitions` those of custom fields.

    Root fields are read as of one of the `instants`, where there are any.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        roots: Sequence[str],
        random: Random,
        *,
        ids: Mapping[str, Sequence[str]],
        numbers: Mapping[str, Sequence[str]],
        definitions: Sequence[str],
        instants: Sequence[str] = (),
    ) -> None:
        self._schema = schema
        self._roots = roots
        self._random = random
        self._ids = ids
        self._numbers = numbers
        self._every_id = [each for of_type in ids.values() for each in of_type]
        self._definitions = [f'"{each}"' for each in definitions]
        self._instants = instants
        self._fragments: dict[str, str] = {}
        self._names = 0

    def document(self) -> str:
        """Return a query of one to three root fields; `$on` and `$off` are variables for directives."""
        query = self._schema.query_type
        assert query is not None
        fields = [
            self._field(query.fields[name], name, 3)
            for name in self._random.sample(self._roots, self._random.randint(1, 3))
        ]
        head = "query ($on: Boolean = true, $off: Boolean = false, $n: Int = 3)"
        used = "__typename @include(if: $on) @skip(if: $off) used: users(first: $n) { totalCount }"
        return "\n".join([f"{head} {{ {used} {' '.join(fields)} }}", *self._fragments.values()])

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def _field(self, field: GraphQLField, name: str, depth: int) -> str:
        alias = f"{self._name()}: " if self._maybe(0.05) else ""
        inner = get_named_type(field.type)
        directive = (
            self._random.choice(["@include(if: $on)", "@skip(if: $off)", "@skip(if: $on)"]) if self._maybe(0.1) else ""
        )
        selected = "" if is_leaf_type(inner) else f" {{ {self._selection(inner, depth)} }}"
        return f"{alias}{name}{self._arguments(field, name)} {directive}{selected}"

    def _selection(self, kind: Any, depth: int) -> str:
        if is_abstract_type(kind):
            chosen = self._random.sample(list(self._schema.get_possible_types(kind)), 2)
            own = self._fields(kind, depth) if isinstance(kind, GraphQLInterfaceType) else []
            parts = [f"... on {each.name} {{ {self._selection(each, depth - 1)} }}" for each in chosen]
            return " ".join(["__typename", *own, *parts])
        fields = " ".join(["__typename" if self._maybe(0.3) else "", *self._fields(kind, depth)]).strip()
        return self._wrapped(kind, fields or "__typename")

    def _wrapped(self, kind: GraphQLObjectType, fields: str) -> str:
        """Put a selection into an inline fragment or a named one now and then."""
        if self._maybe(0.1):
            return f"... on {kind.name} {{ {fields} }}"
        if self._maybe(0.1):
            name = f"f{self._name()}"
            self._fragments[name] = f"fragment {name} on {kind.name} {{ {fields} }}"
            return f"...{name} ...{name}"
        return fields

    def _fields(self, kind: Any, depth: int) -> list[str]:
        leaves = [name for name, each in kind.fields.items() if is_leaf_type(get_named_type(each.type))]
        others = [name for name in kind.fields if name not in leaves and not self._is_refused(name)]
        connection = "pageInfo" in kind.fields
        chosen = self._random.sample(leaves, min(len(leaves), self._random.randint(0 if others else 1, 6)))
        if depth > 0 or connection:
            chosen += self._random.sample(others, min(len(others), self._random.randint(1, 3)))
        found = []
        for name in chosen:
            below = depth if connection or name in {"node", "nodes"} else depth - 1
            if is_leaf_type(get_named_type(kind.fields[name].type)) or below >= 0:
                found.append(self._field(kind.fields[name], name, below))
        return found

    def _is_refused(self, name: str) -> bool:
        """Tell whether a field is left out because it has no history: most times, or little else would be read."""
        return name == "syncRun" and bool(self._instants) and self._maybe(0.95)

    def _arguments(self, field: GraphQLField, name: str) -> str:
        given = {}
        if {"id", "clioId"} <= field.args.keys():
            by_id = self._maybe(0.5)
            of_type = (self._ids if by_id else self._numbers)[get_named_type(field.type).name]
            given["id" if by_id else "clioId"] = f'"{self._random.choice(of_type)}"'
        elif name == "nodes" and "ids" in field.args:
            given["ids"] = json.dumps(self._random.sample(self._every_id, 5))
        elif "id" in field.args:
            given["id"] = f'"{self._random.choice(self._every_id)}"'
        elif "definition" in field.args:
            given["definition"] = self._random.choice(self._definitions)
        elif "first" in field.args:
            given = self._paging(field)
        if self._instants and "asOf" in field.args and self._maybe(0.8):
            given["asOf"] = f'"{self._random.choice(self._instants)}"'
        return f"({', '.join(f'{key}: {value}' for key, value in given.items())})" if given else ""

    def _paging(self, field: GraphQLField) -> dict[str, str]:
        given: dict[str, str] = {}
        if self._maybe(0.8):
            given["first"] = self._random.choice(["0", "1", "2", "5", "$n"])
        if self._maybe(0.3):
            given["last"] = self._random.choice(["1", "3"])
        if self._maybe(0.4) and "filter" in field.args:
            given["filter"] = self._input(field.args["filter"].type, 2)
        if self._maybe(0.4) and "orderBy" in field.args:
            given["orderBy"] = f"[{self._order(field.args['orderBy'].type)}]"
        return given

    def _order(self, kind: Any) -> str:
        named: Any = get_named_type(kind)
        direction = self._random.choice(["ASC", "DESC"])
        if "customField" in named.fields and self._maybe(0.3):
            return f"{{customField: {self._random.choice(self._definitions)}, direction: {direction}}}"
        field: Any = get_named_type(named.fields["field"].type)
        return f"{{field: {self._random.choice(list(field.values))}, direction: {direction}}}"

    def _input(self, kind: Any, depth: int) -> str:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(kind, GraphQLList):
            return f"[{', '.join(self._input(kind.of_type, depth - 1) for _ in range(self._random.randint(0, 2)))}]"
        if isinstance(kind, GraphQLEnumType):
            return str(self._random.choice(list(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, depth)
        return str(self._random.choice(SCALARS[str(kind)]))

    def _object(self, kind: GraphQLInputObjectType, depth: int) -> str:
        deep = LOGIC if depth <= 0 else frozenset()
        names = [name for name in kind.fields if name not in deep]
        chosen = self._random.sample(names, min(len(names), self._random.randint(0 if "and" in names else 1, 2)))
        given = {name: self._input(kind.fields[name].type, depth - 1) for name in chosen}
        if "definition" in kind.fields:
            given = {"isNull": "false"} | given | {"definition": self._random.choice(self._definitions)}
        return f"{{{', '.join(f'{name}: {value}' for name, value in given.items())}}}"
