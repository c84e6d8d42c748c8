"""What a resource declares, against itself: payload, table, GraphQL type and webhook."""

from collections.abc import Iterator

from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from core.checks.findings import Note, Problem
from core.clio.webhooks import MODELS
from core.errors import PluginError
from core.mirror.quick import Beyond, made
from core.resource import Resource
from core.webhooks.subscription import FIELDS_MAX, wanted_fields


def check_declaration(resource: Resource) -> Iterator[Problem | Note]:
    """Yield what is wrong with a resource's declaration."""
    yield from _check_columns(resource)
    yield from _check_rows(resource)
    yield from _check_reading(resource)
    yield from _check_type(resource)
    try:
        resource.endpoint.fields  # noqa: B018 - a property that raises
    except PluginError as error:
        yield Problem(thing=f"{resource.name}.endpoint", wrong="cannot be asked for", step=str(error))
    else:
        yield from _check_webhook(resource)


def _check_columns(resource: Resource) -> Iterator[Problem]:
    for name, column in resource.own_columns.items():
        if not column._meta.null:  # noqa: SLF001 - Piccolo has no public way to ask
            yield Problem(
                thing=f"{resource.table_name}.{name}",
                wrong="may not be null, and Clio promises no field of an answer",
                step="declare it with null=True, default=None, and without `not null` in the migration",
            )


def _check_rows(resource: Resource) -> Iterator[Problem]:
    """Compare the columns with the row of a record of which Clio said nothing but the id."""
    payload = resource.endpoint.payload
    thing = f"{payload.__name__}.to_row"
    try:
        row = payload.model_validate({"id": 1}).to_row()
    except Exception as error:  # noqa: BLE001 - a stranger's method may raise anything
        yield Problem(
            thing=thing,
            wrong=f"fails on a record with nothing but an id: {type(error).__name__}",
            step="let every field but id be null",
        )
        return
    for name in sorted(set(resource.own_columns) - set(row)):
        yield Problem(
            thing=f"{resource.table_name}.{name}",
            wrong=f"is filled by nothing: {thing} has no such key",
            step="add the field to the payload, override to_row, or drop the column",
        )
    for name in sorted(set(row) - set(resource.own_columns)):
        yield Problem(
            thing=thing,
            wrong=f"gives {name}, which is no column of {resource.table_name}",
            step="add the column to the table and a migration, or take the key out",
        )


def _check_reading(resource: Resource) -> Iterator[Note]:
    try:
        made(resource)
    except Beyond as reason:
        yield Note(
            thing=f"{resource.name}.endpoint",
            text=f"its pages are read by pydantic alone, at about three times the cost, since {reason}",
        )


def _check_type(resource: Resource) -> Iterator[Problem | Note]:
    definition: StrawberryObjectDefinition | None = vars(resource.type).get("__strawberry_definition__")
    if definition is None:
        yield Problem(
            thing=resource.type_name,
            wrong="is no strawberry type",
            step="decorate it with @strawberry.type(description=...)",
        )
        return
    if not definition.description:
        yield Problem(thing=resource.type_name, wrong="has no description", step="give @strawberry.type a description")
    for field in definition.fields:
        yield from _check_field(resource, field)
    served = {field.python_name for field in definition.fields} | {edge.column for edge in resource.edges}
    for name in resource.own_columns:
        if name not in served and name not in resource.unserved:
            yield Note(
                thing=f"{resource.table_name}.{name}",
                text=f"is no field of {resource.type_name}: unless an extension serves it, add the field, or name the "
                "column in `unserved` with the reason",
            )
    for name, reason in resource.unserved.items():
        if name not in resource.own_columns or not reason:
            yield Problem(
                thing=f"{resource.name}.unserved",
                wrong=f"names {name}, "
                + ("without a reason" if name in resource.own_columns else "which is no column"),
                step="say why, or take it out",
            )


def _check_field(resource: Resource, field: StrawberryField) -> Iterator[Problem]:
    thing = f"{resource.type_name}.{field.python_name}"
    if not field.description:
        yield Problem(thing=thing, wrong="has no description", step="give strawberry.field a description")
    if field.base_resolver is None and field.python_name not in resource.columns:
        yield Problem(
            thing=thing,
            wrong="has neither a column nor a resolver",
            step="name it as its column, or give it a resolver",
        )


def _check_webhook(resource: Resource) -> Iterator[Problem | Note]:
    webhook = resource.webhook
    if webhook is None:
        return
    thing = f"{resource.name}.webhook"
    if webhook.model not in MODELS:
        yield Problem(
            thing=thing, wrong=f"{webhook.model} is no webhook model of Clio's", step=f"use one of {', '.join(MODELS)}"
        )
    wanted = webhook.fields or resource.endpoint.fields
    if len(wanted) > FIELDS_MAX:
        yield Note(
            thing=thing,
            text=f"asks for {len(wanted)} characters of fields, and Clio takes {FIELDS_MAX}: deliveries will carry "
            f"{wanted_fields(resource, webhook)}, and each costs a request",
        )
