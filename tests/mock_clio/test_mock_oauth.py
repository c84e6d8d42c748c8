"""Authorization, tokens, deauthorization."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings

REDIRECT = "http://127.0.0.1:9/callback"
ASK = {"response_type": "code", "client_id": "app", "redirect_uri": REDIRECT, "state": "s1"}
Form = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def token(web: httpx.AsyncClient) -> Form:
    """POST /oauth/token with the application's credentials; an empty value leaves a field out."""

    async def post(**form: str) -> httpx.Response:
        whole = {"client_id": "app", "client_secret": "secret", **form}
        return await web.post("/oauth/token", data={name: value for name, value in whole.items() if value})

    return post


async def a_code(web: httpx.AsyncClient) -> str:
    answer = await web.post("/oauth/authorize", data={**ASK, "decision": "approve"})
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"]).params["code"]


async def tokens(web: httpx.AsyncClient, token: Form) -> dict[str, str]:
    answer = await token(grant_type="authorization_code", code=await a_code(web), redirect_uri=REDIRECT)
    return dict(answer.json())


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


async def test_the_page_carries_the_request_and_offers_both_decisions(web: httpx.AsyncClient) -> None:
    page = await web.get("/oauth/authorize", params=ASK)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for part in ('value="s1"', "decision value=approve", "decision value=decline", "method=post"):
        assert part in page.text


async def test_approving_redirects_with_code_and_state(web: httpx.AsyncClient) -> None:
    answer = await web.post("/oauth/authorize", data={**ASK, "decision": "approve"})
    location = httpx.URL(answer.headers["location"])
    assert str(location).startswith(f"{REDIRECT}?code=")
    assert location.params["state"] == "s1"


async def test_declining_stays_on_the_page_unless_asked_to_return(web: httpx.AsyncClient) -> None:
    stays = await web.post("/oauth/authorize", data={**ASK, "decision": "decline"})
    assert stays.status_code == 200
    returns = await web.post("/oauth/authorize", data={**ASK, "redirect_on_decline": "true", "decision": "decline"})
    assert returns.headers["location"] == f"{REDIRECT}?error=access_denied&state=s1"


@pytest.mark.parametrize("change", [{"redirect_uri": f"{REDIRECT}/"}, {"client_id": "nobody"}])
async def test_a_wrong_client_or_redirect_uri_goes_nowhere(web: httpx.AsyncClient, change: dict[str, str]) -> None:
    assert (await web.get("/oauth/authorize", params={**ASK, **change})).status_code == 400
    answer = await web.post("/oauth/authorize", data={**ASK, **change, "decision": "approve"})
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_other_response_types_are_sent_back(web: httpx.AsyncClient) -> None:
    answer = await web.get("/oauth/authorize", params={**ASK, "response_type": "token"})
    assert "error=unsupported_response_type" in answer.headers["location"]


async def test_exchange_answers_tokens_for_thirty_days(web: httpx.AsyncClient, token: Form) -> None:
    answer = await token(grant_type="authorization_code", code=await a_code(web), redirect_uri=REDIRECT)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 2_592_000)
    assert set(body) == {"token_type", "access_token", "expires_in", "refresh_token"}
    assert answer.headers["cache-control"] == "no-store"
    who = await web.get("/api/v4/users/who_am_i", headers=bearer(body["access_token"]))
    assert who.status_code == 200


async def test_a_code_works_once(web: httpx.AsyncClient, token: Form) -> None:
    code = await a_code(web)
    assert (await token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)).status_code == 200
    again = await token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert again.json()["error_description"].startswith("The provided access grant is invalid, expired, or revoked")


async def test_a_code_lives_ten_minutes(web: httpx.AsyncClient, token: Form, control: httpx.AsyncClient) -> None:
    code = await a_code(web)
    await control.post("clock/advance", json={"seconds": 601})
    late = await token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    assert late.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "elsewhere"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"code": ""}, 400, "invalid_request"),
        ({"code": "made-up"}, 400, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, 400, "invalid_grant"),
    ],
)
async def test_token_errors(web: httpx.AsyncClient, token: Form, form: dict[str, str], status: int, error: str) -> None:
    given = {"grant_type": "authorization_code", "code": await a_code(web), "redirect_uri": REDIRECT, **form}
    answer = await token(**given)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]
    challenged = answer.headers.get("www-authenticate")
    assert challenged == ('Basic realm="OAuth2 Token Endpoint"' if status == 401 else None)


async def test_a_client_of_another_region_is_invalid(control: httpx.AsyncClient, token: Form) -> None:
    await control.post("applications", json={"client_id": "eu-app", "client_secret": "secret", "region": "eu"})
    answer = await token(client_id="eu-app", grant_type="refresh_token", refresh_token="x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_json_bodies_are_not_read_by_the_token_endpoint(web: httpx.AsyncClient) -> None:
    answer = await web.post("/oauth/token", json={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_refresh_gives_a_new_access_token_and_keeps_the_rest(web: httpx.AsyncClient, token: Form) -> None:
    first = await tokens(web, token)
    for _ in range(2):
        answer = (await token(grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
        assert "refresh_token" not in answer
        assert answer["access_token"] != first["access_token"]
    old = await web.get("/api/v4/users/who_am_i", headers=bearer(first["access_token"]))
    assert old.status_code == 200


async def test_refresh_switches(web: httpx.AsyncClient, token: Form, control: httpx.AsyncClient) -> None:
    await control.patch("switches", json={"refresh_ends_old_token": True, "refresh_rotates": True})
    first = await tokens(web, token)
    answer = (await token(grant_type="refresh_token", refresh_token=first["refresh_token"])).json()
    assert answer["refresh_token"] != first["refresh_token"]
    old = await web.get("/api/v4/users/who_am_i", headers=bearer(first["access_token"]))
    assert old.status_code == 401
    again = await token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


async def test_two_shapes_of_401(web: httpx.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}):
        answer = await web.get("/api/v4/users/who_am_i", headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": {"type": "UnauthorizedError", "message": "User is not authorized"}}
        assert "www-authenticate" not in answer.headers
    foreign = await web.get("/api/v4/users/who_am_i", headers=bearer("of-another-region"))
    assert foreign.status_code == 401
    assert foreign.json()["error"] == "invalid_token"
    assert foreign.headers["www-authenticate"].startswith('Bearer realm="')
    assert 'error="invalid_token"' in foreign.headers["www-authenticate"]
    assert not [name for name in foreign.headers if name.startswith("x-ratelimit")]


async def test_tokens_expire(web: httpx.AsyncClient, token: Form, control: httpx.AsyncClient) -> None:
    issued = await tokens(web, token)
    await control.post("clock/advance", json={"seconds": 2_592_001})
    answer = await web.get("/api/v4/users/who_am_i", headers=bearer(issued["access_token"]))
    assert answer.json()["error"] == "invalid_token"
    refreshed = await token(grant_type="refresh_token", refresh_token=issued["refresh_token"])
    assert refreshed.status_code == 200


async def test_deauthorize_ends_the_grant(web: httpx.AsyncClient, token: Form) -> None:
    issued = await tokens(web, token)
    headers = bearer(issued["access_token"])
    other = await web.post("/oauth/deauthorize", headers=headers, data={"token": "other"})
    assert other.status_code == 400
    answer = await web.post("/oauth/deauthorize", headers=headers, data={"token": issued["access_token"]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await web.get("/api/v4/users/who_am_i", headers=headers)).status_code == 401
    refreshed = await token(grant_type="refresh_token", refresh_token=issued["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"


async def test_out_of_band_page_shows_the_code(web: httpx.AsyncClient, clio: MockClioServer, token: Form) -> None:
    redirect = f"{clio.url}/oauth/approval"
    answer = await web.post("/oauth/authorize", data={**ASK, "redirect_uri": redirect, "decision": "approve"})
    page = await web.get(answer.headers["location"])
    code = httpx.URL(answer.headers["location"]).params["code"]
    assert f"<title>Success code={code}</title>" in page.text
    exchanged = await token(grant_type="authorization_code", code=code, redirect_uri=redirect)
    assert exchanged.status_code == 200


async def test_permissions_are_those_of_the_day_of_consent(
    web: httpx.AsyncClient, token: Form, control: httpx.AsyncClient
) -> None:
    narrow = {"client_id": "app", "client_secret": "secret", "redirect_uris": [REDIRECT], "permissions": {}}
    await control.post("applications", json=narrow)
    issued = await tokens(web, token)
    await control.post("applications", json={**narrow, "permissions": {"contacts": "read"}})
    refreshed = (await token(grant_type="refresh_token", refresh_token=issued["refresh_token"])).json()
    answer = await web.get("/api/v4/contacts", headers=bearer(refreshed["access_token"]))
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "ForbiddenError")
    fresh = await tokens(web, token)
    headers = bearer(fresh["access_token"])
    assert (await web.get("/api/v4/contacts", headers=headers)).status_code == 200
    write = await web.post("/api/v4/contacts", headers=headers, json={"data": {"type": "Company", "name": "A"}})
    assert write.status_code == 403
    assert (await web.get("/api/v4/users/who_am_i", headers=headers)).status_code == 200


@pytest.mark.parametrize(("switch", "media"), [("json", "application/json"), ("form", "application/x-www-form-urlen")])
async def test_deauthorization_within_clio_calls_back(
    web: httpx.AsyncClient, token: Form, control: httpx.AsyncClient, receiver: Receiver, switch: str, media: str
) -> None:
    await control.patch("switches", json={"deauthorization_callback": switch})
    callback = {"client_id": "app", "client_secret": "secret", "deauthorization_callback": f"{receiver.url}/bye"}
    await control.post("applications", json={**callback, "redirect_uris": [REDIRECT]})
    issued = await tokens(web, token)
    answer = (await control.post("deauthorize", json={"client_id": "app"})).json()
    assert answer == {"revoked": 1, "callback_status": 200}
    [call] = receiver.deliveries
    assert call.path == "/bye"
    assert call.headers["content-type"].startswith(media)
    assert b"user_id" in call.body
    who = await web.get("/api/v4/users/who_am_i", headers=bearer(issued["access_token"]))
    assert who.status_code == 401


async def test_a_chosen_user_authorizes(
    web: httpx.AsyncClient, token: Form, clio: MockClioServer, settings: MockSettings
) -> None:
    user = next(row for row in clio.state.store["User"] if row["enabled"] and not row["account_owner"])
    answer = await web.post("/oauth/authorize", data={**ASK, "decision": "approve", "user_id": str(user["id"])})
    code = httpx.URL(answer.headers["location"]).params["code"]
    issued = (await token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT)).json()
    who = await web.get(
        "/api/v4/users/who_am_i", params={"fields": "id,account{name}"}, headers=bearer(issued["access_token"])
    )
    assert who.json()["data"] == {"id": user["id"], "account": {"name": settings.firm_name}}
