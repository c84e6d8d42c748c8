"""What the tests of webhooks look at: the receiver on a port, signed deliveries, and the rows they leave."""

import asyncio
import datetime
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from core.clio import webhooks as clio_webhooks
from core.metrics.figures import COUNTS
from core.metrics.keys import DAY
from core.metrics.queries import latest, read_report
from core.services import Services
from core.testing.driving import Control
from core.webhooks.completeness import parse_selection
from core.webhooks.endpoints import insert_endpoint, own_secret
from core.webhooks.inbox import Inbox
from core.webhooks.processing import process_deliveries
from core.webhooks.receiver import WebhookReceiver
from core.webhooks.states import move
from plugins.contacts.plugin import CONTACT

NOON = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)
IDLE_STEPS = 2000


@dataclass(kw_only=True)
class Scene:
    """A service whose webhooks can be reached, and the mock Clio, driven over HTTP."""

    services: Services
    clio: Control
    inbox: Inbox
    receiver: WebhookReceiver
    http: httpx.AsyncClient

    async def endpoint(self, firm: int, *, resource: str = "contact", state: str = "enabled") -> asyncpg.Record:
        """An endpoint of our own making, of which Clio knows nothing."""
        made = await insert_endpoint(
            self.services.database,
            self.services.cipher,
            firm=firm,
            resource=resource,
            model=resource,
            events=["created", "updated", "deleted"],
            fields="id",
        )
        for step in {"creating": (), "retired": ("enabled", "retired")}.get(state, (state,)):
            assert await move(self.services.database.pool, made, step)  # type: ignore[arg-type]
        return await self.row("webhook_endpoint", made)

    async def row(self, table: str, row_id: int) -> asyncpg.Record:
        found = await self.services.database.pool.fetchrow(f"SELECT * FROM {table} WHERE id = $1", row_id)
        assert found is not None
        return found

    async def endpoints(self, state: str = "enabled") -> list[asyncpg.Record]:
        """The endpoints in a state, that of contacts first."""
        return await self.services.database.pool.fetch(
            "SELECT * FROM webhook_endpoint WHERE state = $1 ORDER BY resource <> 'contact', resource, id", state
        )

    async def deliveries(self) -> list[asyncpg.Record]:
        return await self.services.database.pool.fetch("SELECT * FROM webhook_delivery ORDER BY id")

    async def changes(self, clio_id: int) -> list[str]:
        rows = await self.services.database.pool.fetch(
            "SELECT operation FROM change WHERE clio_id = $1 ORDER BY id", clio_id
        )
        return [row["operation"] for row in rows]

    async def contact(self, clio_id: int) -> asyncpg.Record | None:
        return await self.services.database.pool.fetchrow("SELECT * FROM contacts_contact WHERE clio_id = $1", clio_id)

    async def hooks(self, firm: int) -> dict[int, dict[str, Any]]:
        """The subscriptions that Clio has, by id."""
        listed = await clio_webhooks.list_webhooks(self.services.accounts.client(firm))
        return {int(hook["id"]): hook for hook in listed}

    async def change_hook(self, endpoint: asyncpg.Record, **changes: Any) -> None:
        """Change a subscription behind the back of whoever looks after it."""
        client = self.services.accounts.client(endpoint["firm"])
        await clio_webhooks.update_webhook(client, endpoint["clio_webhook_id"], **changes)

    async def delete_hook(self, endpoint: asyncpg.Record) -> None:
        """Lose a subscription at Clio."""
        await clio_webhooks.delete_webhook(self.services.accounts.client(endpoint["firm"]), endpoint["clio_webhook_id"])

    async def age(self, endpoint: asyncpg.Record, *, hours: int) -> None:
        """Let an endpoint have been left alone for so long."""
        await self.services.database.pool.execute(
            "UPDATE webhook_endpoint SET updated_at = now() - make_interval(hours => $2) WHERE id = $1",
            endpoint["id"],
            hours,
        )

    def secret(self, endpoint: asyncpg.Record) -> str:
        found = own_secret(self.services.cipher, endpoint)
        assert found is not None
        return found

    async def post(
        self, endpoint: asyncpg.Record, body: dict[str, Any] | bytes, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Deliver a body, signed as Clio signs; `headers` replace those it would have."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {
            "content-type": "application/json",
            "x-hook-signature": hmac.new(self.secret(endpoint).encode(), raw, hashlib.sha256).hexdigest(),
        }
        return await self.http.post(
            f"/webhooks/clio/{endpoint['endpoint_key']}", content=raw, headers=signed | (headers or {})
        )

    async def settle(self, endpoint: asyncpg.Record, body: dict[str, Any]) -> None:
        """Deliver, and process what was delivered."""
        assert (await self.post(endpoint, body)).status_code == 200
        await process_deliveries(self.services)

    async def counted(self, firm: int) -> dict[tuple[str, str], int]:
        """What was counted of a firm's deliveries, by model and event; call `rebuild` before there are any."""
        assert await self.services.webhook_recorder.flush()
        report = await read_report(self.services.redis, [firm], None, latest(DAY, 0, now=time.time()))
        groups = report.by(lambda entry: f"{entry.model}.{entry.event}")
        return {
            (group, name): getattr(figures, name)
            for group, figures in groups.items()
            for name in COUNTS
            if name != "body_bytes" and getattr(figures, name)
        }

    async def due_now(self) -> None:
        """Let the back-off of every failed delivery be over."""
        await self.services.database.pool.execute("UPDATE webhook_delivery SET not_before_at = now() - interval '1 s'")

    async def until_processing(self) -> None:
        """Wait until a worker has taken a delivery up."""
        for _ in range(IDLE_STEPS):
            if "processing" in {row["status"] for row in await self.deliveries()}:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("no worker takes the delivery up")

    async def until_sent(self) -> None:
        """Wait until the mock has sent all it had to send."""
        await self.clio.call("POST", "deliveries/settle")

    async def switch(self, **switches: Any) -> None:
        """Let Clio behave otherwise, where nobody knows how it does."""
        await self.clio.call("PATCH", "switches", switches)

    async def edit(self, clio_id: int, *, seconds: int = 1, **data: Any) -> None:
        """Change a contact at Clio, so many seconds later than whatever came before."""
        await self.clio.call("POST", "clock/advance", {"seconds": seconds})
        await self.clio.edit("contacts", clio_id, **data)

    async def create(self, **data: Any) -> int:
        """Create a contact at Clio."""
        return await self.clio.create("contacts", type="Person", first_name="Ines", last_name="Moreau", **data)

    async def delete(self, clio_id: int) -> None:
        """Delete a contact at Clio."""
        await self.clio.delete("contacts", clio_id)

    async def fetches(self, clio_id: int) -> int:
        """How often one contact was asked for at Clio."""
        return len(await self.clio.requests(f"/api/v4/contacts/{clio_id}"))


def contact_event(event: str, clio_id: int, *, second: int = 0, **data: Any) -> dict[str, Any]:
    """A delivery about a contact with every field the mirror keeps, updated so many seconds after noon."""
    moment = NOON + datetime.timedelta(seconds=second)
    names = (name for name, _ in parse_selection(CONTACT.endpoint.fields))
    record = dict.fromkeys(names) | {
        "id": clio_id,
        "etag": f'"{clio_id:x}{int(moment.timestamp()):x}"',
        "created_at": NOON.isoformat(),
        "updated_at": moment.isoformat(),
        "name": "Ines Moreau",
    }
    return {"data": record | data, "meta": {"event": event, "webhook_id": 7}}


def hint(event: str, clio_id: int, **data: Any) -> dict[str, Any]:
    """A delivery that says no more than which record it is about."""
    return {"data": {"id": clio_id, "etag": '"1"', **data}, "meta": {"event": event, "webhook_id": 7}}
