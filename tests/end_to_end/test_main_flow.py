"""From a Clio account to GraphQL: connect, mirror, stay fresh by webhook, whatever Clio turns out to do."""

from collections.abc import Sequence
from typing import Any

import pytest

from core.testing.driving import until
from mock_clio.settings import MockSettings
from mock_clio.switches import Switches
from tests.end_to_end.conftest import Running

FLIPPED: dict[str, Any] = {
    "updated_since_inclusive": False,
    "nested_change_bumps_parent": False,
    "handshake=after": ("handshake", "after"),
    "handshake=never": ("handshake", "never"),
    "honour_given_secret": False,
    "long_expiry": "clamp",
    "suspend_after_seconds": None,
    "suspend_after_failures": 3,
    "patch_lifts_suspension": True,
    "delivery_timeout": 3.0,
    "deleted_payload": "requested",
    "refresh_ends_old_token": True,
    "refresh_rotates": True,
    "rotated_token_grace_s": 60,
    "rate_limited_body=wrapped": ("rate_limited_body", "wrapped"),
    "rate_limited_body=wrapped_200": ("rate_limited_body", "wrapped_200"),
    "off_peak_limit": 300,
    "timestamps": "utc",
    "deauthorization_callback": "none",
    "limit_out_of_range": "clamp",
    "precondition_failed_type": "Other",
    "conflict_type": "Other",
    "version_gone_type": "Other",
    "hidden_record": "missing",
    "deauthorized_webhooks_stop": False,
    "activity_quantities": "redacted",
    "activity_rates": "hidden",
    "document_webhooks=refused": ("document_webhooks", "refused"),
    "document_webhooks=silent": ("document_webhooks", "silent"),
    "custom_field_value_types": "native",
    "custom_field_times": "iso",
    "value_custom_field": "redacted",
    "unfilled_value_ids": "materialised",
    "deleted_custom_fields_listed": False,
}


async def walk_the_main_flow(service: Running, *, polled: Sequence[str] = ()) -> None:
    """Connect; then a change, a creation and a deletion at Clio each reach the mirror by webhook.

    `polled` names the resources of which no webhook tells, such as the folder of the contact that is created.
    """
    await service.connect()
    assert await service.differences() == []
    contacts = await service.control.records("contacts")
    changed, deleted = sorted(contacts)[:2]
    await service.control.edit("contacts", changed, title="Counsel of the day")
    created = await service.control.create("contacts", type="Person", first_name="Nova", last_name="Example")
    await service.control.delete("contacts", deleted)
    for resource in polled:
        await service.query("mutation ($of: String) { syncNow(resource: $of) { errors { code } } }", of=resource)
    await until(service.mirrors)
    await until(service.is_quiet)
    rows = await service.services.database.pool.fetch(
        "SELECT clio_id, operation FROM change WHERE source = 'webhook' AND resource = 'contact'"
    )
    told = {(row["clio_id"], row["operation"]) for row in rows}
    assert {(changed, "updated"), (created, "created"), (deleted, "deleted")} <= told


async def test_a_firm_is_connected_mirrored_and_kept_fresh_by_webhooks(service: Running) -> None:
    await walk_the_main_flow(service)


class TestWithOneSwitchFlipped:
    """What nobody knows of Clio, each the other way round."""

    @pytest.fixture(params=FLIPPED)
    def mock_settings(self, mock_settings: MockSettings, request: pytest.FixtureRequest) -> MockSettings:
        value = FLIPPED[request.param]
        name, value = value if isinstance(value, tuple) else (request.param, value)
        assert getattr(mock_settings.switches, name) != value
        setattr(mock_settings.switches, name, value)
        mock_settings.contacts, mock_settings.matters = 12, 5
        return mock_settings

    async def test_the_main_flow_is_the_same(self, service: Running, mock_settings: MockSettings) -> None:
        told = mock_settings.switches.document_webhooks == "delivered"
        await walk_the_main_flow(service, polled=() if told else ("folder", "document"))


def test_every_switch_is_flipped() -> None:
    flipped = {name.partition("=")[0] for name in FLIPPED}
    assert flipped == set(Switches.__struct_fields__)
