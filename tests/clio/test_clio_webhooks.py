"""Subscriptions at Clio, from the first POST to a second DELETE."""

import datetime

import pytest

from core.clio.webhooks import (
    activate_webhook,
    create_webhook,
    delete_webhook,
    get_webhook,
    list_webhooks,
    update_webhook,
)
from core.errors import ClioInvalidRequest, ClioNotFound
from core.services import Services

SECRET = "a secret of our own making"


def days_ahead(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)


async def test_a_subscription_lives_and_dies(services: Services, firm: int, api_port: int) -> None:
    client = services.accounts.client(firm)
    made = await create_webhook(
        client,
        url=f"http://127.0.0.1:{api_port}/nobody-listens",
        model="contact",
        events=("created", "updated"),
        fields="id,etag",
        expires_at=days_ahead(3),
        shared_secret=SECRET,
    )
    assert (made["status"], made["model"], made["fields"]) == ("pending", "contact", "id,etag")
    assert [each["id"] for each in await list_webhooks(client)] == [made["id"]]
    await activate_webhook(client, made["id"], made["shared_secret"])
    assert (await get_webhook(client, made["id"]))["status"] == "enabled"
    renewed = await update_webhook(client, made["id"], expires_at=days_ahead(20))
    assert datetime.datetime.fromisoformat(renewed["expires_at"]) > days_ahead(19)
    await delete_webhook(client, made["id"])
    await delete_webhook(client, made["id"])
    assert await list_webhooks(client) == []
    with pytest.raises(ClioNotFound):
        await get_webhook(client, made["id"])


async def test_a_subscription_that_clio_refuses_says_why_by_name(services: Services, firm: int) -> None:
    with pytest.raises(ClioInvalidRequest) as caught:
        await create_webhook(
            services.accounts.client(firm),
            url="https://service.test/hook",
            model="Calendar",
            events=("created",),
            fields="id",
            expires_at=days_ahead(3),
            shared_secret=SECRET,
        )
    assert (caught.value.status, caught.value.error_type) == (422, "ArgumentError")
    assert SECRET not in str(caught.value)
