"""What a new plugin mirrors: its names, the fields it keeps, its edges, and what it leaves out and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.clio.webhooks import MODELS
from core.conflicts import field_names
from core.errors import BadInput
from core.registry import Registry
from core.resource import Resource
from core.scaffold.kinds import BIGINT, TEXT, Kind
from core.scaffold.naming import (
    attribute_of,
    check_name,
    cut_identifier,
    singular_of,
    snake_of,
    type_name_of,
    with_article,
    words,
)
from core.scaffold.spec import Association, Scalar, Specification, SpecResource

COMMON_FIELDS = {"id": "clio_id", "etag": "etag", "created_at": "clio_created_at", "updated_at": "clio_updated_at"}
"""Fields of every payload, with the columns the mirror has for them."""

SHOWN_MAX = 70
"""Longest list of an enum's values, in characters, that a description repeats."""


@dataclass(frozen=True, kw_only=True)
class PlannedField:
    """A field that is kept: Clio's name, what it is called here, its kind, and what the GraphQL API says of it."""

    clio: str
    name: str
    kind: Kind
    description: str


@dataclass(frozen=True, kw_only=True)
class PlannedEdge:
    """An association that is kept as an edge to `to`; `reverse` is the list that the other type gains."""

    clio: str
    name: str
    to: str
    description: str
    reverse: str | None
    reverse_description: str

    @property
    def column(self) -> str:
        """The column that keeps the id at the other end."""
        return f"{self.name}_clio_id"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is written into a package. `absent` are the common fields that Clio has not on such a record.

    `mock_scalars` are all of Clio's, `left_out` is (field, reason); both are complete only where `spec` is given.
    """

    name: str
    path: str
    singular: str
    type_name: str
    table: str
    requires: Sequence[str]
    fields: Sequence[PlannedField]
    edges: Sequence[PlannedEdge]
    absent: Sequence[str]
    left_out: Sequence[tuple[str, str]]
    mock_scalars: Sequence[str]
    webhook: str | None
    spec: SpecResource | None

    @property
    def module(self) -> str:
        """The package's module."""
        return f"clio_{self.name}"

    @property
    def distribution(self) -> str:
        """The package's name, and its folder's."""
        return f"clio-{self.name.replace('_', '-')}-plugin"

    @property
    def common(self) -> dict[str, str]:
        """The fields of every payload that this one has, with their columns."""
        return {field: column for field, column in COMMON_FIELDS.items() if field not in self.absent}

    @property
    def notes(self) -> list[str]:
        """What whoever goes on from here should know."""
        if self.spec is None:
            return ["without --spec it keeps the name alone: add the fields that Clio has"]
        notes = []
        if self.spec.associations is None:
            notes.append(f"the specification does not say what {self.type_name} is tied to: add its edges by hand")
        if self.spec.updated_since is False:
            notes.append(f"{self.path} takes no updated_since, so each incremental run reads it all")
        if self.spec.scalars["id"].kind is not BIGINT:
            notes.append(
                f"the id of {self.type_name} is {self.spec.scalars['id'].shape}, and the mirror keeps a number"
            )
        return notes


def plan(name: str, *, path: str, registry: Registry, spec: Specification | None) -> Plan:
    """Return what a plugin called `name` mirrors of the list at `path`.

    Raises:
        BadInput: the name cannot be used, a loaded plugin mirrors that list already, or the specification has it not.
    """
    check_name(name)
    if spec is None:
        singular = singular_of(name)
        made = _minimal(name, path, singular)
    else:
        found = spec.resource(path, type_name_of(singular_of(path.rpartition("/")[2])))
        made = _of_spec(name, path, found, registry)
    _refuse_taken(made, registry)
    return made


def _minimal(name: str, path: str, singular: str) -> Plan:
    return Plan(
        name=name,
        path=path,
        singular=singular,
        type_name=type_name_of(singular),
        table=_table(name, singular),
        requires=(),
        fields=(PlannedField(clio="name", name="name", kind=TEXT, description="Clio's name."),),
        edges=(),
        absent=(),
        left_out=(),
        mock_scalars=("id:i64", "etag:str", "name:str", "created_at:datetime", "updated_at:datetime"),
        webhook=singular if singular in MODELS else None,
        spec=None,
    )


def _of_spec(name: str, path: str, found: SpecResource, registry: Registry) -> Plan:
    if "id" not in found.scalars:
        raise BadInput(
            f"clio's {found.name} has no id, so the mirror cannot keep it: nest it in the record it is part of"
        )
    singular = snake_of(found.name)
    type_name_of(singular)
    types = {each.type_name: each for each in registry.resources}
    edges, left_out = _split(found, types, plural=name)
    own = [each for each in found.scalars.values() if each.name not in COMMON_FIELDS]
    owners = {each.type_name: plugin.name for plugin in registry.plugins for each in plugin.resources}
    return Plan(
        name=name,
        path=path,
        singular=singular,
        type_name=found.name,
        table=_table(name, singular),
        requires=sorted({owners[edge.to] for edge in edges if edge.to in owners}),
        fields=[_field(each, each.kind) for each in own if each.kind is not None],
        edges=edges,
        absent=[field for field in COMMON_FIELDS if field not in found.scalars],
        left_out=[(each.name, f"{_shape(each)}, for which there is no column") for each in own if each.kind is None]
        + left_out,
        mock_scalars=[f"{each.name}:{each.kind.mock}" for each in found.scalars.values() if each.kind is not None],
        webhook=singular if singular in MODELS else None,
        spec=found,
    )


def _table(name: str, singular: str) -> str:
    table = f"{name}_{singular}"
    return table if len(f"{table}_firm_clio_id") == len(cut_identifier(f"{table}_firm_clio_id")) else name


def _field(scalar: Scalar, kind: Kind) -> PlannedField:
    description, values = f"Clio's {scalar.name}.", ", ".join(scalar.enum)
    if values and len(values) <= SHOWN_MAX:
        description = f"Clio's {scalar.name}: {values}; Clio may add others."
    name = attribute_of(scalar.name)
    return PlannedField(clio=scalar.name, name=name, kind=kind, description=description)


def _shape(scalar: Scalar) -> str:
    return "a list of objects" if scalar.shape == "array" else f"{with_article(scalar.shape)} of no declared shape"


def _split(
    found: SpecResource, types: Mapping[str, Resource], *, plural: str
) -> tuple[list[PlannedEdge], list[tuple[str, str]]]:
    """Part the associations into edges to types that are loaded, or are this one, and those left out, with reasons."""
    edges: list[PlannedEdge] = []
    left_out = []
    for each in (found.associations or {}).values():
        if each.many:
            left_out.append((each.name, f"a list of {each.target}, which needs a table of its own"))
        elif each.target not in types and each.target != found.name:
            left_out.append((each.name, f"leads to {each.target}, which no loaded plugin declares"))
        else:
            taken = {(edge.to, edge.reverse) for edge in edges} | _names_of(types.values())
            edges.append(_edge(found, each, plural, taken))
    return edges, left_out


def _edge(
    found: SpecResource, association: Association, plural: str, taken: set[tuple[str, str | None]]
) -> PlannedEdge:
    """Return an edge; the list at its other end bears the plural, or the edge's name as well where that is taken."""
    name, to = attribute_of(association.name), association.target
    far, near = words(snake_of(to)), words(snake_of(found.name))
    same = snake_of(to) == association.name
    wanted = [plural, f"{name}_{plural}"] if same else [f"{name}_{plural}"]
    return PlannedEdge(
        clio=association.name,
        name=name,
        to=to,
        description=f"Clio's {association.name} of the {near}.",
        reverse=next((each for each in wanted if (to, each) not in taken), None),
        reverse_description=f"The {words(plural)} of this {far}."
        if same
        else f"The {words(plural)} whose {association.name} this {far} is.",
    )


def _names_of(resources: Iterable[Resource]) -> set[tuple[str, str | None]]:
    """Return (type, name) for every field and edge that loaded types have."""
    known = tuple(resources)
    fields = {(each.type_name, name) for each in known for name in field_names(each.type)}
    near = {(each.type_name, edge.name) for each in known for edge in each.edges}
    far = {(edge.to, edge.reverse) for each in known for edge in each.edges}
    return fields | near | far


def _refuse_taken(made: Plan, registry: Registry) -> None:
    for plugin in registry.plugins:
        for resource in plugin.resources:
            claims = {
                f"the list {made.path}": resource.endpoint.path == made.path,
                f"the resource {made.singular}": resource.name == made.singular,
                f"the type {made.type_name}": resource.type_name == made.type_name,
            }
            for claim, is_taken in claims.items():
                if is_taken:
                    raise BadInput(f"plugin {plugin.name} has {claim} already: extend it, or uninstall it first")
    if any(plugin.name == made.name for plugin in registry.plugins):
        raise BadInput(f"a plugin {made.name} is loaded already: choose another name, or uninstall it first")
