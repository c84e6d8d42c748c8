"""/oauth/authorize, /oauth/token, /oauth/deauthorize, /oauth/approval."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from mock_clio.oauth import pages
from mock_clio.oauth.grants import Issued, OAuthFailure
from mock_clio.settings import Application
from mock_clio.state import MockState
from mock_clio.wire.authentication import bearer_text, challenge
from mock_clio.wire.http import Request, Response, html_response, json_response

DESCRIPTIONS = {
    "invalid_request": (
        "The request is missing a required parameter, includes an unsupported parameter or parameter value, repeats a "
        "parameter, includes multiple credentials, utilizes more than one mechanism for authenticating the client, or "
        "is otherwise malformed."
    ),
    "invalid_client": (
        "The client identifier provided is invalid, the client failed to authenticate, the client did not include its "
        "credentials, provided multiple client credentials, or used unsupported credentials type."
    ),
    "invalid_grant": (
        "The provided access grant is invalid, expired, or revoked (e.g. invalid assertion, expired authorization "
        "token, bad end-user password credentials, or mismatching authorization code and redirection URI)."
    ),
    "unauthorized_client": "The authenticated client is not authorized to use the access grant type provided.",
    "unsupported_grant_type": (
        "The access grant included - its type or another attribute - is not supported by the authorization server."
    ),
}
ASKED = frozenset({"response_type", "client_id", "redirect_uri", "state", "redirect_on_decline"})
"""Parameters of an authorization request, which the page carries into the decision."""
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class _RefusedError(Exception):
    """An authorization request that must not be redirected anywhere."""


@dataclass(slots=True)
class _Ask:
    """A checked authorization request."""

    application: Application
    redirect_uri: str
    response_type: str
    state: str | None
    redirect_on_decline: bool

    def back(self, **answer: str) -> Response:
        """A redirect to the application with an answer and its `state`."""
        if self.state is not None:
            answer["state"] = self.state
        parts = urlsplit(self.redirect_uri)
        query = "&".join(part for part in (parts.query, urlencode(answer)) if part)
        return Response(302, b"", [("Location", urlunsplit(parts._replace(query=query)))])


def _check(state: MockState, request: Request, given: Mapping[str, str]) -> _Ask:
    application = state.grants.application(given.get("client_id"))
    if application is None:
        raise _RefusedError("The client identifier is not registered in this region.")
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in {*application.redirect_uris, f"{request.base_url}/oauth/approval"}:
        raise _RefusedError("The redirect URI does not match one that is registered.")
    return _Ask(
        application,
        redirect_uri,
        given.get("response_type", ""),
        given.get("state"),
        given.get("redirect_on_decline", "").lower() == "true",
    )


def show_consent(state: MockState, request: Request) -> Response:
    """GET /oauth/authorize: the page that asks the user."""
    given = dict(request.query)
    try:
        ask = _check(state, request, given)
    except _RefusedError as reason:
        return html_response(400, pages.refused(str(reason)))
    if ask.response_type != "code":
        return ask.back(error="unsupported_response_type")
    hidden = {name: value for name, value in given.items() if name in ASKED}
    users = [user for user in state.store["User"] if user["enabled"]]
    return html_response(200, pages.consent(ask.application, state.settings.firm_name, users, hidden))


def decide(state: MockState, request: Request) -> Response:
    """POST /oauth/authorize: the user's decision, from the page or from a script posting the same form."""
    given = form_of(request)
    try:
        ask = _check(state, request, given)
    except _RefusedError as reason:
        return html_response(400, pages.refused(str(reason)))
    if ask.response_type != "code":
        return ask.back(error="unsupported_response_type")
    if given.get("decision") != "approve":
        if ask.redirect_on_decline:
            return ask.back(error="access_denied")
        return html_response(200, pages.declined(ask.application))
    user_id = given.get("user_id", "")
    user = state.store["User"].get(int(user_id)) if user_id.isdigit() else state.owner
    if user is None or not user["enabled"]:
        return html_response(400, pages.refused("No such user."))
    return ask.back(code=state.grants.authorize(ask.application, user, ask.redirect_uri))


def token(state: MockState, request: Request) -> Response:
    """POST /oauth/token: exchange a code, or refresh."""
    given = form_of(request)
    try:
        issued = _issue(state, given)
    except OAuthFailure as failure:
        body = {"error": failure.code, "error_description": DESCRIPTIONS[failure.code]}
        if failure.code == "invalid_client":
            realm = (("WWW-Authenticate", 'Basic realm="OAuth2 Token Endpoint"'),)
            return json_response(401, body, (*NO_STORE, *realm))
        return json_response(400, body, NO_STORE)
    answer = {"token_type": "bearer", "access_token": issued.access_token, "expires_in": issued.expires_in}
    if issued.refresh_token is not None:
        answer["refresh_token"] = issued.refresh_token
    return json_response(200, answer, NO_STORE)


def _issue(state: MockState, given: Mapping[str, str]) -> Issued:
    def need(name: str) -> str:
        return given.get(name) or _fail("invalid_request")

    grant_type = need("grant_type")
    client_id, secret = need("client_id"), need("client_secret")
    application = state.grants.application(client_id)
    if application is None or not hmac.compare_digest(application.client_secret.encode(), secret.encode()):
        _fail("invalid_client")
    if grant_type == "authorization_code":
        return state.grants.exchange(client_id, need("code"), need("redirect_uri"))
    if grant_type == "refresh_token":
        return state.grants.refresh(client_id, need("refresh_token"))
    return _fail("unsupported_grant_type")


def _fail(code: str) -> NoReturn:
    raise OAuthFailure(code)


def deauthorize(state: MockState, request: Request) -> Response:
    """POST /oauth/deauthorize: an application gives up its access. The form must name the bearer token itself."""
    text = bearer_text(request)
    found = state.grants.find(text)
    if found is None:
        return challenge()
    if form_of(request).get("token") != text:
        return json_response(
            400, {"error": "invalid_request", "error_description": DESCRIPTIONS["invalid_request"]}, NO_STORE
        )
    state.grants.revoke(found.grant.client_id, found.grant.user["id"])
    return Response(200)


def approval(_state: MockState, request: Request) -> Response:
    """GET /oauth/approval: the out-of-band page."""
    return html_response(200, pages.approval(request.param("code"), request.param("error")))


def form_of(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body; of any other body, none."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
