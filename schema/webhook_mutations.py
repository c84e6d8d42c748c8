"""Mutations about webhook endpoints: registering, renewing, rotating, ending."""

from collections.abc import Iterable
from typing import Annotated, Any

import strawberry

from core.errors import NotFound
from core.webhooks import lifecycle
from schema.context import Info, OperationContext
from schema.global_ids import read_firm, read_id_of
from schema.mutation_errors import Errors, collecting
from schema.operations import WEBHOOK_ENDPOINT
from schema.types.webhooks import WebhookEndpoint

EndpointId = Annotated[strawberry.ID, strawberry.argument(description="Global id of the endpoint.")]
ResourceName = Annotated[
    str | None, strawberry.argument(description="One resource, such as contact; all with a webhook unless given.")
]
FirmId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="One firm; all of the caller's that are connected unless given."),
]


@strawberry.type(description="Answer of registerWebhooks.")
class RegisterWebhooksPayload:
    """The endpoints there are now."""

    endpoints: list[WebhookEndpoint] = strawberry.field(
        description="The live endpoints, those that Clio refused included: see their state and errorCode."
    )
    errors: Errors = strawberry.field(description="Empty when Clio could be asked for every firm.")


@strawberry.type(description="Answer of rotateWebhooks.")
class RotateWebhooksPayload:
    """The endpoints there are now."""

    endpoints: list[WebhookEndpoint] = strawberry.field(
        description="The live endpoints, and those that are retiring after them."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of renewWebhook.")
class RenewWebhookPayload:
    """The endpoint as it is afterwards."""

    endpoint: WebhookEndpoint | None = strawberry.field(
        description="The endpoint afterwards; another one where Clio had lost it; null where there are errors."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of deleteWebhook.")
class DeleteWebhookPayload:
    """The endpoint as it is afterwards."""

    endpoint: WebhookEndpoint | None = strawberry.field(
        description="The endpoint, retired; null where there are errors."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


async def _register(
    info: Info, resource: ResourceName = strawberry.UNSET, firm: FirmId = strawberry.UNSET
) -> RegisterWebhooksPayload:
    errors: Errors = []
    firms = await _firms(info.context, firm, errors)
    for number in firms:
        async with collecting(errors, "resource" if resource else None):
            await lifecycle.register(info.context.services, number, resource=resource or None)
    endpoints = await _live(info.context, firms, resource or None)
    return RegisterWebhooksPayload(endpoints=endpoints, errors=errors)


async def _rotate(
    info: Info, resource: ResourceName = strawberry.UNSET, firm: FirmId = strawberry.UNSET
) -> RotateWebhooksPayload:
    errors: Errors = []
    firms = await _firms(info.context, firm, errors)
    for number in firms:
        async with collecting(errors, "resource" if resource else None):
            await lifecycle.rotate(info.context.services, number, resource=resource or None)
    endpoints = await _live(info.context, firms, resource or None)
    return RotateWebhooksPayload(endpoints=endpoints, errors=errors)


async def _renew(info: Info, id: EndpointId) -> RenewWebhookPayload:  # noqa: A002
    errors: Errors = []
    endpoint: WebhookEndpoint | None = None
    async with collecting(errors, "id"):
        found = await _known(info.context, id)
        renewed = await lifecycle.renew(info.context.services, *found)
        endpoint = await _read(info.context, found[0], renewed)
    return RenewWebhookPayload(endpoint=endpoint, errors=errors)


async def _delete(info: Info, id: EndpointId) -> DeleteWebhookPayload:  # noqa: A002
    errors: Errors = []
    endpoint: WebhookEndpoint | None = None
    async with collecting(errors, "id"):
        found = await _known(info.context, id)
        await lifecycle.end(info.context.services, *found)
        endpoint = await _read(info.context, *found)
    return DeleteWebhookPayload(endpoint=endpoint, errors=errors)


async def _known(context: OperationContext, text: str) -> tuple[int, int]:
    """Return firm and number of an endpoint that the caller may see."""
    found = read_id_of(text, "WebhookEndpoint", name="id")
    if await WEBHOOK_ENDPOINT.find(context.readers, found.firm, found.number) is None:
        raise NotFound("there is no such webhook endpoint")
    return found.firm, found.number


async def _read(context: OperationContext, firm: int, endpoint: int) -> WebhookEndpoint | None:
    context.readers.forget()
    found: WebhookEndpoint | None = await WEBHOOK_ENDPOINT.find(context.readers, firm, endpoint)
    return found


async def _firms(context: OperationContext, firm: str | None, errors: Errors) -> list[int]:
    """Return the numbers of the connected firms that are meant."""
    firms: list[int] = []
    async with collecting(errors, "firm" if firm else None):
        allowed = context.principal.allowed_firms(read_firm(firm or None))
        rows = await context.services.database.pool.fetch(
            """SELECT id FROM firm
            WHERE state = 'connected' AND ($1::bigint[] IS NULL OR id = ANY ($1::bigint[])) ORDER BY id""",
            None if allowed is None else sorted(allowed),
        )
        if not rows:
            raise NotFound("no such firm is connected to Clio: connect it with connectFirm")
        firms.extend(row["id"] for row in rows)
    return firms


async def _live(context: OperationContext, firms: Iterable[int], resource: str | None) -> list[WebhookEndpoint]:
    rows = await context.services.database.pool.fetch(
        f"""SELECT {WEBHOOK_ENDPOINT.listing.select("t")} FROM webhook_endpoint AS t
        WHERE t.firm = ANY ($1::bigint[]) AND ($2::text IS NULL OR t.resource = $2) AND t.state <> 'retired'
        ORDER BY t.id""",
        list(firms),
        resource,
    )
    return [WEBHOOK_ENDPOINT.make(row) for row in rows]


REGISTER_WEBHOOKS: Any = strawberry.field(
    resolver=_register,
    description="Subscribe at Clio to every resource with a webhook, or to one; repairs what is lost and asks again"
    " for what Clio refused. What lives is left as it is.",
)

RENEW_WEBHOOK: Any = strawberry.field(
    resolver=_renew, description="Extend a subscription to the longest life there is; one that is lost is replaced."
)

ROTATE_WEBHOOKS: Any = strawberry.field(
    resolver=_rotate,
    description="Give endpoints other addresses and secrets without a gap: the old ones take deliveries for an hour"
    " more.",
)

DELETE_WEBHOOK: Any = strawberry.field(
    resolver=_delete,
    description="End a subscription for good: the resource is polled alone until registerWebhooks.",
)
