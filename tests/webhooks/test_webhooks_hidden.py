"""Records that Clio has and does not show: a deletion that is none, and a permission that is lost are told apart."""

from tests.webhooks.webhook_scene import Scene, hint


async def test_a_record_that_clio_forbids_is_hidden_unless_all_of_its_kind_are(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="seen")
    await scene.settle(endpoint, hint("updated", clio_id))
    await scene.clio.fail(status=403, count=2, prefix="/api/v4/contacts")
    await scene.settle(endpoint, hint("updated", clio_id, nickname=1))
    row = await scene.contact(clio_id)
    assert row is not None
    assert row["presence"] == "present"
    assert [row["error_code"] for row in await scene.deliveries()] == [None, "CLIO_FORBIDDEN"]
    await scene.clio.edit("contacts", clio_id, hidden=True)
    await scene.settle(endpoint, hint("updated", clio_id, nickname=2))
    row = await scene.contact(clio_id)
    assert row is not None
    assert (row["presence"], row["title"]) == ("hidden", "seen")
    assert await scene.changes(clio_id) == ["created", "hidden"]
    assert [row["outcome"] for row in await scene.deliveries()] == ["created", None, "hidden"]
