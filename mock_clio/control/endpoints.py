"""The control interface, /__mock__/: everything about the mock that Clio does not have."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from urllib.parse import urlencode

import httpx
import msgspec

from mock_clio.control import records, shapes
from mock_clio.control.faults import DeliveryFault, RequestFault
from mock_clio.hooks.delivery import Delivery
from mock_clio.oauth.grants import Grant
from mock_clio.settings import Application
from mock_clio.state import MockState
from mock_clio.store.rows import Row
from mock_clio.switches import Switches
from mock_clio.tables.declared import Declaration, declare_resource
from mock_clio.wire.errors import ApiError, not_found
from mock_clio.wire.http import Request, Response, error_response, json_response

CONTROL_PREFIX = "/__mock__"
Handler = Callable[[Request], Awaitable[object]]


class Control:
    """Answers control requests; a handler returns what becomes the JSON body."""

    def __init__(self, state: MockState) -> None:
        self._state = state
        self._handlers: Mapping[tuple[str, str], Handler] = {
            ("GET", ""): self._status,
            ("GET", "counts"): self._status,
            ("GET", "switches"): self._switches,
            ("PATCH", "switches"): self._set_switches,
            ("GET", "rate-limit"): self._rate_limit,
            ("PUT", "rate-limit"): self._set_rate_limit,
            ("GET", "clock"): self._clock,
            ("PUT", "clock"): self._set_clock,
            ("POST", "clock/advance"): self._advance,
            ("GET", "faults"): self._faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "faults/requests"): self._add_request_fault,
            ("POST", "faults/deliveries"): self._add_delivery_fault,
            ("GET", "journal/requests"): self._request_journal,
            ("GET", "journal/deliveries"): self._delivery_journal,
            ("DELETE", "journal"): self._clear_journal,
            ("GET", "deliveries"): self._in_flight,
            ("POST", "deliveries"): self._send,
            ("POST", "deliveries/settle"): self._settle,
            ("GET", "applications"): self._applications,
            ("POST", "applications"): self._register,
            ("POST", "tokens"): self._issue,
            ("POST", "tokens/expire"): self._expire,
            ("POST", "tokens/revoke"): self._revoke,
            ("POST", "deauthorize"): self._deauthorize,
            ("GET", "traffic"): self._traffic,
            ("POST", "traffic"): self._start_traffic,
            ("DELETE", "traffic"): self._stop_traffic,
            ("POST", "traffic/edits"): self._edit,
            ("POST", "resources"): self._declare,
            ("POST", "reset"): self._reset,
        }

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of every request it answers, those for records aside."""
        return list(self._handlers)

    async def answer(self, request: Request) -> Response:
        """The answer to one control request."""
        path = request.path.removeprefix(CONTROL_PREFIX).strip("/")
        try:
            if path.startswith("records/"):
                return await records.answer(self._state, request, path.split("/")[1:])
            handler = self._handlers.get((request.method, path))
            if handler is None:
                raise not_found()
            return json_response(200, await handler(request))
        except ApiError as error:
            return error_response(error.status, error.kind, error.message)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            return error_response(400, "InvalidBody", str(error))

    async def _status(self, _request: Request) -> object:
        return {"region": self._state.settings.region, "counts": records.counts(self._state)}

    async def _switches(self, _request: Request) -> object:
        return self._state.switches

    async def _set_switches(self, request: Request) -> object:
        given = msgspec.json.decode(request.body, type=dict[str, object])
        whole = msgspec.convert({**msgspec.to_builtins(self._state.switches), **given}, Switches)
        for name in given:
            setattr(self._state.switches, name, getattr(whole, name))
        return self._state.switches

    async def _declare(self, request: Request) -> object:
        try:
            made = declare_resource(msgspec.json.decode(request.body, type=Declaration))
        except ValueError as error:
            if isinstance(error, (msgspec.ValidationError, msgspec.DecodeError)):
                raise
            raise ApiError(422, "ArgumentError", str(error)) from None
        return {"path": made.path}

    async def _rate_limit(self, _request: Request) -> object:
        return {"limit": self._state.limiter.limit, "now": self._state.limiter.current_limit()}

    async def _set_rate_limit(self, request: Request) -> object:
        self._state.limiter.limit = msgspec.json.decode(request.body, type=shapes.RateLimitBody).limit
        return await self._rate_limit(request)

    async def _clock(self, _request: Request) -> object:
        clock = self._state.clock
        return {"at": clock.utc(), "seconds": clock.now(), "frozen": clock.frozen}

    async def _set_clock(self, request: Request) -> object:
        body = msgspec.json.decode(request.body, type=shapes.ClockBody)
        if body.frozen is not None:
            self._state.clock.freeze(body.frozen)
        if body.at is not None:
            self._state.clock.set(body.at if body.at.tzinfo else body.at.replace(tzinfo=UTC))
        return await self._clock(request)

    async def _advance(self, request: Request) -> object:
        self._state.clock.advance(msgspec.json.decode(request.body, type=shapes.AdvanceBody).seconds)
        return await self._clock(request)

    async def _faults(self, _request: Request) -> object:
        return {"requests": self._state.faults.requests, "deliveries": self._state.faults.deliveries}

    async def _clear_faults(self, request: Request) -> object:
        self._state.faults.clear()
        return await self._faults(request)

    async def _add_request_fault(self, request: Request) -> object:
        self._state.faults.requests.append(msgspec.json.decode(request.body, type=RequestFault))
        return await self._faults(request)

    async def _add_delivery_fault(self, request: Request) -> object:
        self._state.faults.deliveries.append(msgspec.json.decode(request.body, type=DeliveryFault))
        return await self._faults(request)

    async def _request_journal(self, request: Request) -> object:
        journal, after = self._state.journal, _after(request)
        return {"count": journal.request_count, "data": [entry for entry in journal.requests if entry.number > after]}

    async def _delivery_journal(self, request: Request) -> object:
        journal, after = self._state.journal, _after(request)
        entries = [entry for entry in journal.deliveries if entry.number > after]
        return {"count": journal.delivery_count, "data": entries}

    async def _clear_journal(self, _request: Request) -> object:
        self._state.journal.clear()
        return {}

    async def _in_flight(self, _request: Request) -> object:
        return {"in_flight": len(self._state.courier.background), "waiting": self._state.timers.pending()}

    async def _send(self, request: Request) -> object:
        """Sign and send a body as it is, past every fault: for what Clio has never sent and might."""
        body = msgspec.json.decode(request.body, type=shapes.SendBody)
        if self._state.hooks.find(body.webhook_id) is None:
            raise not_found()
        self._state.courier.send(Delivery(body.webhook_id, "sent", body.body.encode()))
        return await self._in_flight(request)

    async def _settle(self, request: Request) -> object:
        """Answers once every delivery and handshake under way has ended."""
        await self._state.courier.background.settle()
        return await self._in_flight(request)

    async def _applications(self, _request: Request) -> object:
        hidden = {"client_secret"}
        return {
            "data": [
                {name: value for name, value in msgspec.to_builtins(application).items() if name not in hidden}
                for application in self._state.grants.applications.values()
            ]
        }

    async def _register(self, request: Request) -> object:
        application = msgspec.json.decode(request.body, type=Application)
        self._state.grants.register(application)
        return {"client_id": application.client_id}

    async def _issue(self, request: Request) -> object:
        body = msgspec.json.decode(request.body, type=shapes.TokenBody)
        application = self._state.grants.applications.get(body.client_id)
        if application is None:
            raise not_found()
        permissions = application.permissions if body.permissions is None else body.permissions
        grant = Grant(body.client_id, self._user(body.user_id), dict(permissions))
        issued = self._state.grants.issue(grant, body.lifetime)
        token = self._state.grants.access_tokens[issued.access_token]
        return {
            "token_type": "bearer",
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_in": issued.expires_in,
            "token_id": token.token_id,
        }

    async def _expire(self, request: Request) -> object:
        body = msgspec.json.decode(request.body, type=shapes.ExpireBody)
        moment, ended = self._state.clock.now() + body.in_seconds, 0
        for text, token in self._state.grants.access_tokens.items():
            if body.token_id == token.token_id or body.access_token == text or body.client_id == token.grant.client_id:
                token.expires_at = moment
                ended += 1
        return {"expired": ended}

    async def _revoke(self, request: Request) -> object:
        body = msgspec.json.decode(request.body, type=shapes.RevokeBody)
        return {"revoked": self._state.grants.revoke(body.client_id, body.user_id)}

    async def _deauthorize(self, request: Request) -> object:
        """A user takes an application's access away within Clio: tokens die, and the callback is called."""
        body = msgspec.json.decode(request.body, type=shapes.RevokeBody)
        application = self._state.grants.applications.get(body.client_id)
        if application is None:
            raise not_found()
        user_id = self._user(body.user_id)["id"]
        revoked = self._state.grants.revoke(body.client_id, user_id)
        return {"revoked": revoked, "callback_status": await self._call_back(application, user_id)}

    async def _call_back(self, application: Application, user_id: int) -> int | None:
        kind = self._state.switches.deauthorization_callback
        if application.deauthorization_callback is None or kind == "none":
            return None
        fields = {"user_id": user_id}
        content = msgspec.json.encode(fields) if kind == "json" else urlencode(fields).encode()
        media = "application/json" if kind == "json" else "application/x-www-form-urlencoded"
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.post(
                    application.deauthorization_callback, content=content, headers={"Content-Type": media}
                )
        except httpx.HTTPError:
            return None
        return answer.status_code

    def _user(self, user_id: int | None) -> Row:
        user = self._state.owner if user_id is None else self._state.store["User"].get(user_id)
        if user is None:
            raise not_found()
        return user

    async def _traffic(self, _request: Request) -> object:
        traffic = self._state.traffic
        return {"running": traffic.running, "per_minute": traffic.per_minute, "edits": traffic.edits}

    async def _start_traffic(self, request: Request) -> object:
        await self._state.traffic.start(msgspec.json.decode(request.body, type=shapes.TrafficBody).per_minute)
        return await self._traffic(request)

    async def _stop_traffic(self, request: Request) -> object:
        await self._state.traffic.stop()
        return await self._traffic(request)

    async def _edit(self, request: Request) -> object:
        body = msgspec.json.decode(request.body or b"{}", type=shapes.EditBody)
        return {"done": [self._state.traffic.edit() for _ in range(body.count)]}

    async def _reset(self, request: Request) -> object:
        body = msgspec.json.decode(request.body or b"{}", type=shapes.ResetBody)
        for name in body.__struct_fields__:
            if getattr(body, name) is not None:
                setattr(self._state.settings, name, getattr(body, name))
        await self._state.reset()
        return await self._status(request)


def _after(request: Request) -> int:
    """The number after which journal entries are wanted."""
    text = request.param("after") or "0"
    return int(text) if text.isdigit() else 0
