"""Resources that are declared while the mock runs."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.mock_clio.calls import call

Subscribe = Callable[..., Awaitable[dict[str, Any]]]

REMINDERS: dict[str, Any] = {
    "path": "reminders",
    "schema": "Reminder",
    "scalars": "id:i64 etag:str created_at:datetime updated_at:datetime text:str due_at:date urgent:bool "
    "labels:strings",
    "associations": "matter:Matter=key author:User=key",
    "permission": "tasks",
    "model": "task",
    "filters": "urgent:bool",
    "orders": ["id", "due_at"],
}


async def test_a_declared_resource_is_one_like_any_other(
    api: httpx.AsyncClient, control: httpx.AsyncClient, subscribe: Subscribe
) -> None:
    for _ in range(2):
        assert (await control.post("resources", json=REMINDERS)).json() == {"path": "reminders"}
    matter = (await call(api, "GET", "matters", 200, "id"))[0]["id"]
    fields = "id,etag,text,due_at,urgent,labels,matter{id},author"
    data = {"text": "Call", "due_at": "2026-12-01", "urgent": True, "labels": ["a"], "matter": {"id": matter}}
    made = await call(api, "POST", "reminders", 201, fields, **data)
    assert {**data, "author": None} == {name: made[name] for name in (*data, "author")}
    path = f"reminders/{made['id']}"
    assert (await call(api, "PATCH", path, 200, fields, text="Write"))["text"] == "Write"
    assert [row["id"] for row in await call(api, "GET", "reminders", 200)] == [made["id"]]
    answer = await api.get("reminders?urgent=false&order=due_at(desc)")
    assert answer.json()["data"] == []
    assert (await control.get("records/reminders")).json()["data"][0]["text"] == "Write"
    hook = await subscribe(model="task", fields="id,text")
    assert hook["model"] == "task"
    await call(api, "DELETE", path, 204)
    await call(api, "POST", "reminders", 404, matter={"id": 1})
    await call(api, "POST", "reminders", 422, urgent="perhaps")
    await control.post("reset", json={})
    assert (await control.get("records/reminders")).json()["data"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "contacts"}, "'contacts' is taken"),
        ({"path": "others", "permission": "everything"}, "no permission 'everything'"),
        ({"path": "others", "model": "dragon"}, "no webhook model 'dragon'"),
        ({"path": "others", "associations": "lair:Lair=key"}, "'Lair', which is not there"),
        ({"path": "others", "scalars": "id:i64 text:str"}, "lack created_at, etag, updated_at"),
        ({"path": "others", "scalars": "id:whatever"}, "whatever"),
    ],
)
async def test_a_bad_declaration_is_named(control: httpx.AsyncClient, changes: dict[str, Any], message: str) -> None:
    answer = await control.post("resources", json={**REMINDERS, **changes})
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]
