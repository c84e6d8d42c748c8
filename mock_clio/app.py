"""The mock as an ASGI application."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from email.utils import formatdate

from mock_clio.api.router import PREFIX, Api
from mock_clio.control.endpoints import CONTROL_PREFIX, Control
from mock_clio.control.faults import RequestFault, failure, patched
from mock_clio.oauth import endpoints as oauth
from mock_clio.settings import MockSettings
from mock_clio.state import MockState
from mock_clio.storage import STORAGE_PREFIX
from mock_clio.wire.errors import ApiError
from mock_clio.wire.http import Receive, Request, Response, Scope, Send, error_response, read_request, send_response

OAUTH: Mapping[tuple[str, str], Callable[[MockState, Request], Response]] = {
    ("GET", "/oauth/authorize"): oauth.show_consent,
    ("POST", "/oauth/authorize"): oauth.decide,
    ("POST", "/oauth/token"): oauth.token,
    ("POST", "/oauth/deauthorize"): oauth.deauthorize,
    ("GET", "/oauth/approval"): oauth.approval,
}


class MockClio:
    """The application; `state` is open to whoever runs it in the same process."""

    def __init__(self, settings: MockSettings) -> None:
        self._timers: asyncio.Task[None] | None = None
        self._begin(settings)

    def _begin(self, settings: MockSettings) -> None:
        self.state = MockState(settings)
        self._api = Api(self.state)
        self._control = Control(self.state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            request = await read_request(scope, receive, self.state.settings.public_url)
            answer = await self._answer(request)
            answer.headers.append(("Date", formatdate(self.state.clock.now(), usegmt=True)))
            await send_response(send, answer)

    async def start(self) -> None:
        """Begin what runs beside the requests: timers, and traffic where the settings ask for it."""
        self._timers = asyncio.get_running_loop().create_task(self.state.timers.run())
        await self.state.courier.open()
        await self.state.traffic.start(self.state.settings.traffic_per_minute)

    async def stop(self) -> None:
        """End it, leaving no task behind."""
        await self.state.traffic.stop()
        if self._timers is not None:
            self._timers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timers
        await self.state.courier.close()

    async def restart(self, settings: MockSettings) -> None:
        """Become another mock, with its own firm, clock and applications, behind the same port."""
        await self.stop()
        self._begin(settings)
        await self.start()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, request: Request) -> Response:
        if request.path.startswith(CONTROL_PREFIX):
            return await self._control.answer(request)
        fault = self.state.faults.request(request)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        return await self._journalled(request, fault)

    async def _journalled(self, request: Request, fault: RequestFault | None) -> Response:
        at, caller = self.state.clock.now(), self._api.caller(request)
        injected = failure(fault.status, fault.retry_after) if fault is not None and fault.status is not None else None
        if injected is not None and fault is not None and fault.when == "before":
            response = injected
        else:
            served = await self._serve(request)
            response = injected or served
            if injected is None and fault is not None and fault.patch is not None:
                response = patched(served, fault.patch)
        self.state.journal.request(
            at=at,
            method=request.method,
            path=request.path,
            query=request.query,
            status=response.status,
            client_id=caller.token.grant.client_id if caller else None,
            token_id=caller.token.token_id if caller else None,
        )
        return response

    async def _serve(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return await self._api.answer(request)
        if request.path.startswith(STORAGE_PREFIX):
            return self.state.storage.answer(request)
        endpoint = OAUTH.get((request.method, request.path))
        if endpoint is None:
            return error_response(404, "NotFoundError", "Not Found")
        try:
            return endpoint(self.state, request)
        except ApiError as error:
            return error_response(error.status, error.kind, error.message)


def create_app(settings: MockSettings | None = None) -> MockClio:
    """A mock with its own firm, ready to be served by any ASGI server with lifespan on."""
    return MockClio(settings or MockSettings())
