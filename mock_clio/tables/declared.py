"""Collections that somebody declares while the mock runs, to test a plugin for what the mock does not have."""

import msgspec

from mock_clio.store.rows import DECLARED
from mock_clio.tables.catalog import PERMISSIONS, RESOURCES, SCHEMAS, WEBHOOK_MODELS, WRITE
from mock_clio.tables.declare import SINCE, Resource, Schema, declare, filters


class Declaration(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A collection under /api/v4, in the notation of `mock_clio.tables.declare`."""

    path: str
    schema: str
    scalars: str
    associations: str = ""
    permission: str | None = None
    model: str | None = None
    filters: str = ""
    orders: tuple[str, ...] = ("id",)


def declare_resource(declaration: Declaration) -> Resource:
    """Add a collection for the rest of the process; the same declaration again gives the one that is there.

    Raises:
        ValueError: the notation cannot be read, it names what is not there, or the path is taken by another.
    """
    made = Resource(
        path=declaration.path,
        schema=_schema(declaration),
        permission=declaration.permission,
        verbs=WRITE,
        filters=filters(f"{SINCE} {declaration.filters}"),
        orders=declaration.orders,
        model=declaration.model,
    )
    if declaration.permission is not None and declaration.permission not in PERMISSIONS:
        raise ValueError(f"no permission {declaration.permission!r}; there are: {', '.join(PERMISSIONS)}")
    if declaration.model is not None and declaration.model not in WEBHOOK_MODELS:
        raise ValueError(f"no webhook model {declaration.model!r}; there are: {', '.join(WEBHOOK_MODELS)}")
    taken = RESOURCES.get(declaration.path)
    if taken is not None and taken != made:
        raise ValueError(f"the path {declaration.path!r} is taken by another collection")
    SCHEMAS[made.schema.name] = made.schema
    return RESOURCES.setdefault(declaration.path, made)


def _schema(declaration: Declaration) -> Schema:
    name = f"{DECLARED}{declaration.schema}"
    made = declare(name, declaration.scalars, declaration.associations, permission=declaration.permission)
    for association in made.associations.values():
        if association.target not in SCHEMAS:
            raise ValueError(f"association {association.name!r} leads to {association.target!r}, which is not there")
    missing = {"id", "etag", "created_at", "updated_at"} - made.fields.keys()
    if missing:
        raise ValueError(f"the scalars lack {', '.join(sorted(missing))}, which every record of the mock has")
    return made
