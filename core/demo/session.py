"""A person's way through the demo, taken by a script: connect the firm, watch the backfill, start traffic."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from core.auth.tokens import mint
from core.demo.stack import SCRIPTS_CLIENT_ID, Stack
from core.errors import ServiceError
from core.settings import load_settings

TOKEN_LIFE_S = 7 * 86400

CONNECT = "mutation { connectFirm(region: US) { authorizeUrl errors { code message } } }"
RUNS = """{ syncRuns(first: 50) { nodes {
    id resource kind state progress recordsSeen recordsTotal etaS errorCode errorMessage
} } }"""
SAMPLE = """{ matters(first: 3, orderBy: [{field: OPEN_DATE, direction: DESC}]) { totalCount nodes {
  displayNumber status client { name } responsibleAttorney { name } } } }"""


class DemoSession:
    """Talks to the demo's API and mock as their users do."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self._stack = stack
        self._http = http
        self._settings = load_settings(stack.service_environment())
        self._token = self._mint(None)

    def _mint(self, firm: int | None) -> str:
        return mint(
            self._settings,
            subject="demo",
            firms=None if firm is None else frozenset({firm}),
            scopes=frozenset({"read", "write", "admin"}),
            ttl_s=TOKEN_LIFE_S,
        )

    async def query(self, document: str) -> dict[str, Any]:
        """Run a GraphQL document; return its data.

        Raises:
            ServiceError: the API answered with errors.
        """
        answer = await self._http.post(
            f"{self._stack.options.api_url}/graphql",
            json={"query": document},
            headers={"Authorization": f"Bearer {self._token}"},
        )
        body = answer.json()
        if answer.status_code != httpx.codes.OK or body.get("errors"):
            codes = [error.get("extensions", {}).get("code") for error in body.get("errors", [])]
            raise ServiceError(f"the API refused a query of the demo ({answer.status_code} {codes})")
        data: dict[str, Any] = body["data"]
        return data

    async def connect(self) -> tuple[int, str]:
        """Go through Clio's OAuth pages for the seeded firm; return its id and a token that sees that firm alone."""
        payload = (await self.query(CONNECT))["connectFirm"]
        if not payload["authorizeUrl"]:
            raise ServiceError(f"connectFirm answered {payload['errors']}")
        callback = await self._approve(payload["authorizeUrl"])
        answer = await self._http.get(callback)
        if answer.status_code != httpx.codes.OK:
            raise ServiceError(f"the OAuth callback answered {answer.status_code}: read {self._stack.log_path('api')}")
        firm = int((await self.query("{ firms { clioAccountId firmId } }"))["firms"][0]["firmId"])
        self._token = self._mint(firm)
        return firm, self._token

    async def second_token(self) -> str:
        """Return an access token of another application at the mock, with a request budget of its own."""
        options = self._stack.options
        callback = f"{options.api_url}/oauth/clio/callback"
        location = await self._approve(
            f"{options.mock_clio_url}/oauth/authorize?"
            + str(httpx.QueryParams(response_type="code", client_id=SCRIPTS_CLIENT_ID, redirect_uri=callback))
        )
        answer = await self._http.post(
            f"{options.mock_clio_url}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": parse_qs(urlsplit(location).query)["code"][0],
                "client_id": SCRIPTS_CLIENT_ID,
                "client_secret": self._stack.client_secret,
                "redirect_uri": callback,
            },
        )
        return str(answer.raise_for_status().json()["access_token"])

    async def start_traffic(self) -> None:
        """Let the mock's people work: contacts and matters change from now on."""
        options = self._stack.options
        if options.traffic_per_minute:
            answer = await self._http.post(
                f"{options.mock_clio_url}/__mock__/traffic", json={"per_minute": options.traffic_per_minute}
            )
            answer.raise_for_status()

    async def backfill(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the backfills several times a second, until each and the incremental run behind it have succeeded.

        From then on nothing but webhooks brings news for a while, which is what a demo should show.

        Raises:
            ServiceError: a run failed.
        """
        while True:
            nodes = (await self.query(RUNS))["syncRuns"]["nodes"]
            runs = sorted((run for run in nodes if run["kind"] == "backfill"), key=lambda run: str(run["resource"]))
            failed = [run for run in runs if run["state"] in {"failed", "partial", "cancelled"}]
            if failed:
                raise ServiceError(f"the backfill of {failed[0]['resource']} ended: {failed[0]['errorMessage']}")
            yield runs
            done = {(run["resource"], run["kind"]) for run in nodes if run["state"] == "succeeded"}
            if runs and all({(run["resource"], run["kind"]), (run["resource"], "incremental")} <= done for run in runs):
                return
            await asyncio.sleep(0.2)

    async def _approve(self, authorize_url: str) -> str:
        parts = urlsplit(authorize_url)
        form = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer = await self._http.post(
            f"{parts.scheme}://{parts.netloc}{parts.path}", data={**form, "decision": "approve"}
        )
        location = answer.headers.get("location")
        if location is None:
            raise ServiceError(f"the mock Clio did not accept the authorization ({answer.status_code})")
        return str(location)
