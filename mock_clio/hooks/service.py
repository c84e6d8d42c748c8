"""The subscriptions of a firm: making, changing and ending them, and turning changes into deliveries."""

import hmac
import secrets

import msgspec

from mock_clio.clock import Clock
from mock_clio.hooks import subscription as rules
from mock_clio.hooks.delivery import Courier, Delivery
from mock_clio.hooks.subscription import Subscription
from mock_clio.oauth.grants import AccessToken
from mock_clio.store.changes import Change
from mock_clio.store.render import Renderer
from mock_clio.store.rows import Row, Store, draft_of, etag
from mock_clio.switches import Switches
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import forbidden, not_found, unprocessable

_ALWAYS_CHANGED = frozenset({"etag", "updated_at"})


class Hooks:
    """Webhook subscriptions and what becomes of a change."""

    def __init__(self, *, store: Store, clock: Clock, switches: Switches, renderer: Renderer) -> None:
        self._store = store
        self._clock = clock
        self._switches = switches
        self._renderer = renderer
        self._subscriptions: dict[int, Subscription] = {}
        self.courier: Courier
        self.allow_http_loopback = False

    def find(self, webhook_id: int) -> Subscription | None:
        """A subscription by id, whoever owns it."""
        return self._subscriptions.get(webhook_id)

    def owned_by(self, token: AccessToken) -> list[int]:
        """Ids of the subscriptions made by a token's application and user."""
        return [hook.id for hook in self._subscriptions.values() if _same_owner(hook, token)]

    def get(self, webhook_id: int, token: AccessToken) -> Subscription:
        """A subscription of this token's application and user; any other is not found."""
        found = self._subscriptions.get(webhook_id)
        if found is None or not _same_owner(found, token):
            raise not_found()
        return found

    async def create(self, data: Data, token: AccessToken) -> Row:
        """Subscribe, and shake hands as switched."""
        now = self._clock.seconds()
        url = rules.check_url(rules.required(data, "url"), allow_http_loopback=self.allow_http_loopback)
        model = rules.check_model(rules.required(data, "model"), self._switches)
        _may_watch(model, token)
        row: Row = {
            "url": url,
            "model": model,
            "fields": rules.check_fields(model, rules.required(data, "fields")),
            "events": rules.check_events(model, data.get("events")),
            "expires_at": rules.check_expiry(data.get("expires_at"), now, self._switches),
            "status": "pending",
            "shared_secret": self._secret(data),
            "user_id": token.grant.user["id"],
            "created_at": now,
            "updated_at": now,
        }
        row["id"] = self._store["Webhook"].next_id()
        self._store["Webhook"].put(row)
        hook = Subscription(row, token.grant, token.readable)
        self._subscriptions[hook.id] = hook
        await self._confirm(hook)
        return hook.row

    async def update(self, webhook_id: int, data: Data, token: AccessToken) -> Row:
        """Change a subscription; a new URL must shake hands again, with a new secret."""
        hook = self.get(webhook_id, token)
        draft, now = draft_of(hook.row), self._clock.seconds()
        if data.get("model") is not None:
            draft["model"] = rules.check_model(data["model"], self._switches)
        _may_watch(draft["model"], token)
        if "url" in data:
            draft["url"] = rules.check_url(data["url"], allow_http_loopback=self.allow_http_loopback)
        draft["fields"] = rules.check_fields(draft["model"], data.get("fields", draft["fields"]))
        draft["events"] = rules.check_events(draft["model"], data.get("events", draft["events"]))
        if data.get("expires_at") is not None:
            draft["expires_at"] = rules.check_expiry(data["expires_at"], now, self._switches)
        moved = draft["url"] != hook.row["url"]
        if moved:
            draft.update(status="pending", shared_secret=self._secret(data))
        elif data.get("shared_secret") and self._switches.honour_given_secret:
            draft["shared_secret"] = str(data["shared_secret"])
        if draft["status"] == "suspended" and self._switches.patch_lifts_suspension:
            draft["status"] = "enabled"
            hook.failing_since, hook.failures = None, 0
        if draft != hook.row:
            self._replace(hook, draft)
        hook.grant, hook.readable = token.grant, token.readable
        if moved:
            await self._confirm(hook)
        return hook.row

    def activate(self, webhook_id: int, secret: str, token: AccessToken) -> Row:
        """The delayed half of the handshake."""
        hook = self.get(webhook_id, token)
        if not hmac.compare_digest(hook.row["shared_secret"].encode(), secret.encode()):
            raise unprocessable("X-Hook-Secret does not match")
        if hook.row["status"] == "pending":
            self.set_status(hook, "enabled")
        return hook.row

    def delete(self, webhook_id: int, token: AccessToken) -> None:
        """Unsubscribe."""
        hook = self.get(webhook_id, token)
        del self._subscriptions[hook.id]
        self._store["Webhook"].remove(hook.id)

    def set_status(self, hook: Subscription, status: str) -> None:
        """Move a subscription to another status."""
        if self._subscriptions.get(hook.id) is hook and hook.row["status"] != status:
            self._replace(hook, {**hook.row, "status": status})

    def on_change(self, change: Change) -> None:
        """Tell whom a change concerns."""
        if change.resource.permission == "documents" and self._switches.document_webhooks == "silent":
            return
        now = self._clock.now()
        for hook in list(self._subscriptions.values()):
            if hook.resource is not change.resource or not hook.listens(now):
                continue
            if self._switches.deauthorized_webhooks_stop and not hook.grant.live:
                continue
            row = change.after or change.before or {}
            if self._store.is_hidden(change.resource.schema.name, row["id"]):
                continue
            events = [event for event in (change.event, *change.also) if event in hook.row["events"]]
            if change.event == "updated" and "updated" in events and not self._watched(hook, change):
                events.remove("updated")
            if not events:
                continue
            hook.seen.add(row["id"])
            for event in events:
                body = msgspec.json.encode(self._payload(hook, event, row))
                self.courier.dispatch(Delivery(hook.id, event, body), hook.row["model"])

    def _watched(self, hook: Subscription, change: Change) -> bool:
        """Whether an update concerns a subscription: a field it names changed, or the record is new to it."""
        before, after = change.before, change.after
        if before is None or after is None or after["id"] not in hook.seen:
            return True
        if before["updated_at"] == after["updated_at"] and not self._switches.nested_change_bumps_parent:
            always: frozenset[str] = frozenset()
        else:
            always = _ALWAYS_CHANGED
        if any(name in always for name, _ in hook.selection):
            return True
        plan = self._renderer.plan(change.resource.schema, hook.selection, hook.readable)
        return plan.render(before) != plan.render(after)

    def _payload(self, hook: Subscription, event: str, row: Row) -> dict[str, object]:
        meta = {"event": event, "webhook_id": hook.id}
        if event == "deleted" and self._switches.deleted_payload == "id_etag":
            return {"data": {"id": row["id"], "etag": etag(row)}, "meta": meta}
        resource = hook.resource
        if resource is None:
            raise LookupError(f"webhook {hook.id} watches {hook.row['model']}, which the mock does not model")
        plan = self._renderer.plan(resource.schema, hook.selection, hook.readable)
        return {"data": plan.render(row), "meta": meta}

    async def _confirm(self, hook: Subscription) -> None:
        match self._switches.handshake:
            case "during":
                await self.courier.handshake(hook)
            case "after":
                self.courier.background.spawn(self.courier.handshake(hook))
            case "never":
                self.set_status(hook, "enabled")

    def _secret(self, data: Data) -> str:
        given = data.get("shared_secret")
        return str(given) if given and self._switches.honour_given_secret else secrets.token_hex(32)

    def _replace(self, hook: Subscription, row: Row) -> None:
        row["updated_at"] = self._clock.seconds()
        hook.row = row
        self._store["Webhook"].put(row)


def _same_owner(hook: Subscription, token: AccessToken) -> bool:
    return hook.grant.client_id == token.grant.client_id and hook.row["user_id"] == token.grant.user["id"]


def _may_watch(model: str, token: AccessToken) -> None:
    permission = rules.permission_of(model)
    if permission not in token.readable:
        raise forbidden(permission)
