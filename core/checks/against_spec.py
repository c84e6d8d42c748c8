"""A resource against Clio's OpenAPI file: it asks for nothing Clio has not, and leaves nothing out unsaid."""

from collections.abc import Iterator

from core.checks.findings import Note, Problem
from core.checks.readme import LEFT_OUT, listed
from core.errors import BadInput, PluginError
from core.resource import Resource
from core.scaffold.spec import Specification, SpecResource
from core.webhooks.completeness import Selection, parse_selection


def check_against_spec(resource: Resource, spec: Specification, readme: str | None) -> Iterator[Problem | Note]:
    """Yield every field that is asked for in vain, and every field of Clio's that is neither kept nor explained."""
    try:
        found = spec.resource(resource.endpoint.path, resource.type_name)
        selection = parse_selection(resource.endpoint.fields)
    except BadInput as error:
        yield Problem(thing=resource.endpoint.path, wrong=str(error), step="check the path, or give Clio's whole file")
        return
    except PluginError:
        return
    yield from _check_asked(resource, spec, found, selection)
    left_out = (listed(readme, resource, LEFT_OUT) if readme else None) or {}
    for name in sorted(found.names - {name for name, _ in selection}):
        if name not in left_out:
            yield Problem(
                thing=f"{resource.type_name}.{name}",
                wrong="is neither kept nor left out with a reason",
                step=f"keep it, or add a row `{name}` under '## {resource.type_name}: {LEFT_OUT}' in the README",
            )
    if found.associations is None:
        yield Note(
            thing=resource.type_name,
            text="the specification does not say what it is tied to, so its associations were not compared",
        )


def _check_asked(
    resource: Resource, spec: Specification, found: SpecResource, selection: Selection
) -> Iterator[Problem]:
    for name, nested in selection:
        association = (found.associations or {}).get(name)
        if name not in found.names and (found.associations is not None or not nested):
            yield _unknown(resource, name, found.name)
        elif nested and association is None and found.associations is not None:
            yield Problem(
                thing=f"{resource.type_name}.{name}", wrong="is no association", step="ask for it without braces"
            )
        elif association is not None and (known := spec.schema(association.target)) is not None:
            for inner in nested:
                if inner not in known.names:
                    yield _unknown(resource, f"{name}{{{inner}}}", association.target)


def _unknown(resource: Resource, name: str, schema: str) -> Problem:
    return Problem(
        thing=f"{resource.type_name}.{name}",
        wrong=f"is asked for, and Clio's {schema} has no such field",
        step="take it out of the payload: Clio answers 400 to a field it does not have",
    )
