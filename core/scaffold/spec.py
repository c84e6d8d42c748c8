"""Reading Clio's OpenAPI file: which fields a resource has, of what kind, and which records it is tied to."""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.scaffold.kinds import Kind, kind_of

SUFFIX = "_base"
"""Clio's document keeps the scalars of `Task` in a schema `Task_base`; a trimmed one may hold nothing else of it."""


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A field that holds no record. `kind` is None where the mirror has no column for its shape."""

    name: str
    kind: Kind | None
    enum: tuple[str, ...]
    shape: str


@dataclass(frozen=True, kw_only=True)
class Association:
    """A field that holds a record, or `many` of them, of the schema `target`."""

    name: str
    target: str
    many: bool


@dataclass(frozen=True, kw_only=True)
class SpecResource:
    """What a specification says of one resource.

    `associations` is None where it has the fields of the record and not what the record is tied to; `updated_since`
    is None where it has no list of them.
    """

    name: str
    scalars: Mapping[str, Scalar]
    associations: Mapping[str, Association] | None
    updated_since: bool | None

    @property
    def names(self) -> set[str]:
        """Every name that `fields` may ask for, as far as the specification says."""
        return {*self.scalars, *(self.associations or {})}


class Specification:
    """An OpenAPI document of Clio's, whole or cut down."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._paths: Mapping[str, Any] = document["paths"]

    @classmethod
    def read(cls, file: Path) -> "Specification":
        """Read a file.

        Raises:
            BadInput: it cannot be read, or is no OpenAPI document in JSON.
        """
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadInput(f"{file} is no JSON: give Clio's openapi.json") from error
        try:
            return cls(document)
        except (KeyError, TypeError) as error:
            raise BadInput(f"{file} has no paths and components.schemas: give Clio's openapi.json") from error

    def resource(self, path: str, type_name: str) -> SpecResource:
        """Return what the document says of the list at `path`, or else of the schema `type_name`.

        Raises:
            BadInput: it has neither; the message names those that are near.
        """
        listed = self._listed(path)
        found = self.schema(listed or type_name)
        if found is None:
            missing = f"the specification has no {path}.json and no schema {type_name}{SUFFIX}"
            raise BadInput(f"{missing}: {self._near(path)}")
        if listed is None:
            return found
        return dataclasses.replace(found, updated_since="updated_since" in self._parameters(path))

    def schema(self, name: str) -> SpecResource | None:
        """Return what the document says of a schema; None where it has none of that name."""
        if name not in self._schemas and name + SUFFIX not in self._schemas:
            return None
        return SpecResource(
            name=name,
            scalars={each.name: each for each in self._scalars(name)},
            associations=self._associations(name),
            updated_since=None,
        )

    @cached_property
    def _lists(self) -> dict[str, Any]:
        """Every GET by its path, with `{}` for each id in it, without `.json`."""
        return {
            re.sub(r"\{[^}]*\}", "{}", path).strip("/").removesuffix(".json"): operations["get"]
            for path, operations in self._paths.items()
            if "get" in operations
        }

    def _listed(self, path: str) -> str | None:
        """Return the schema of the records in the list at a path; None where the document has no such list."""
        try:
            answers = self._lists[re.sub(r"\{[^}]*\}", "{}", path)]["responses"]["200"]["content"]
            envelope = self._schemas[_target(next(iter(answers.values()))["schema"])]
            return _target(envelope["properties"]["data"]["items"])
        except (KeyError, StopIteration):
            return None

    def _parameters(self, path: str) -> set[str]:
        operation = self._lists[re.sub(r"\{[^}]*\}", "{}", path)]
        return {str(each.get("name")) for each in operation.get("parameters", ())}

    def _scalars(self, name: str) -> Iterator[Scalar]:
        """Yield the fields that hold no record, `id` first, the others as the document has them."""
        tied = self._associations(name) or {}
        for field, declared in sorted(self._properties(name), key=lambda item: item[0] != "id"):
            if field not in tied and "$ref" not in declared:
                enum = tuple(str(value) for value in declared.get("enum", ()))
                yield Scalar(name=field, kind=kind_of(declared), enum=enum, shape=str(declared.get("type")))

    def _associations(self, name: str) -> dict[str, Association] | None:
        if name not in self._schemas:
            return None
        found = {}
        for field, declared in self._properties(name):
            item = declared.get("items", {})
            if "$ref" in declared or "$ref" in item:
                target = _target(declared if "$ref" in declared else item).removesuffix(SUFFIX)
                found[field] = Association(name=field, target=target, many="$ref" in item)
        return found

    def _properties(self, name: str) -> Iterator[tuple[str, Any]]:
        """Yield the properties of a schema, those of the schemas it is made of first."""
        whole = self._schemas.get(name) or {"allOf": [{"$ref": f"#/components/schemas/{name}{SUFFIX}"}]}
        merged: dict[str, Any] = {}
        for part in (*whole.get("allOf", ()), whole):
            source = self._schemas[_target(part)] if "$ref" in part else part
            merged.update(source.get("properties", {}))
        return iter(merged.items())

    def _near(self, path: str) -> str:
        known = sorted(name for name in self._lists if "{" not in name)
        near = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        return f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known) or 'no list at all'}"


def _target(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
