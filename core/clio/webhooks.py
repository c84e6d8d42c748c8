"""Webhook subscriptions at Clio: thin calls over the client. Each costs one request, a list one per 200 subscriptions.

`fields` on the query selects the answer; `data.fields` in the body selects what deliveries carry.
Source: Clio API, webhooks.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from core.clio.answers import next_url_of, record_of
from core.clio.client import ClioClient
from core.clio.priority import Priority
from core.errors import ClioNotFound, ClioUnexpectedAnswer

MODELS = (
    "matter",
    "activity",
    "bill",
    "calendar_entry",
    "communication",
    "contact",
    "task",
    "document",
    "folder",
    "clio_payments_payment",
)
"""The models that Clio has webhooks for. Source: Clio Manage webhooks guide."""

ANSWER_FIELDS = "id,status,shared_secret,expires_at,events,model,url,fields"


async def list_webhooks(client: ClioClient) -> list[dict[str, Any]]:
    """Return every subscription of this application and user."""
    found: list[dict[str, Any]] = []
    url: str | None = "webhooks.json"
    params: Mapping[str, str] = {"fields": ANSWER_FIELDS, "order": "id(asc)", "limit": "200"}
    while url:
        answer = await client.request("GET", url, priority=Priority.WEBHOOK, params=params)
        rows = answer.get("data")
        if not isinstance(rows, list):
            raise ClioUnexpectedAnswer("clio's answer to GET webhooks is no list")
        found += rows
        url, params = next_url_of(answer), {}
    return found


async def create_webhook(
    client: ClioClient,
    *,
    url: str,
    model: str,
    events: Sequence[str],
    fields: str,
    expires_at: datetime.datetime,
    shared_secret: str,
) -> dict[str, Any]:
    """Subscribe; Clio may shake hands at `url` before this returns. Never repeated: a second POST subscribes twice.

    `shared_secret` is not in Clio's spec and was seen to be taken; read back which one Clio uses.
    """
    return await _write(
        client,
        "POST",
        "webhooks.json",
        {
            "url": url,
            "model": model,
            "events": list(events),
            "fields": fields,
            "expires_at": expires_at,
            "shared_secret": shared_secret,
        },
    )


async def get_webhook(client: ClioClient, webhook_id: int) -> dict[str, Any]:
    """Read one subscription, its shared secret included.

    Raises:
        ClioNotFound: it is not there any more.
    """
    answer = await client.request(
        "GET", f"webhooks/{webhook_id}.json", priority=Priority.WEBHOOK, params={"fields": ANSWER_FIELDS}
    )
    return record_of(answer, "GET webhooks")


async def update_webhook(client: ClioClient, webhook_id: int, **changes: Any) -> dict[str, Any]:
    """Change a subscription, such as its `expires_at`; a changed `url` starts a new handshake.

    Raises:
        ClioNotFound: it is not there any more.
    """
    return await _write(client, "PATCH", f"webhooks/{webhook_id}.json", changes)


async def delete_webhook(client: ClioClient, webhook_id: int) -> None:
    """Delete a subscription; one that is gone already is fine."""
    try:
        await client.request("DELETE", f"webhooks/{webhook_id}.json", priority=Priority.WEBHOOK)
    except ClioNotFound:
        return


async def activate_webhook(client: ClioClient, webhook_id: int, secret: str) -> None:
    """Finish a delayed handshake with the secret that Clio sent."""
    await client.request(
        "PUT", f"webhooks/{webhook_id}/activate.json", priority=Priority.WEBHOOK, headers={"X-Hook-Secret": secret}
    )


async def _write(client: ClioClient, method: str, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: _plain(value) for name, value in data.items()}
    answer = await client.request(
        method, path, priority=Priority.WEBHOOK, params={"fields": ANSWER_FIELDS}, json={"data": body}
    )
    return record_of(answer, f"{method} webhooks")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds")
    return list(value) if isinstance(value, tuple) else value
