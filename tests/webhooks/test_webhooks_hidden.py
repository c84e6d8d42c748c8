"""Records that Clio has and does not show: a deletion that is none, and a permission that is lost are told apart."""

import pytest

from tests.webhooks.webhook_scene import Scene, hint


@pytest.mark.parametrize("how", ["forbidden", "redacted"])
async def test_a_record_that_clio_does_not_show_is_hidden(scene: Scene, firm: int, how: str) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="seen")
    await scene.settle(endpoint, hint("updated", clio_id))
    await scene.switch(hidden_record=how)
    await scene.clio.edit("contacts", clio_id, hidden=True)
    await scene.settle(endpoint, hint("updated", clio_id, nickname=1))
    row = await scene.contact(clio_id)
    assert row is not None
    assert (row["presence"], row["title"]) == ("hidden", "seen")
    assert await scene.changes(clio_id) == ["created", "hidden"]
    assert [row["outcome"] for row in await scene.deliveries()] == ["created", "hidden"]


async def test_where_clio_forbids_all_of_a_kind_no_record_is_hidden(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="seen")
    await scene.settle(endpoint, hint("updated", clio_id))
    await scene.clio.fail(status=403, count=2, prefix="/api/v4/contacts")
    await scene.settle(endpoint, hint("updated", clio_id, nickname=1))
    row = await scene.contact(clio_id)
    assert row is not None
    assert row["presence"] == "present"
    assert [row["error_code"] for row in await scene.deliveries()] == [None, "CLIO_FORBIDDEN"]
