"""Nothing secret and nothing of the firm's clients is in the logs, whatever happens."""

import io
import json

from core.logging import configure_logging
from core.testing.driving import CLIENT_ID, CLIENT_SECRET, Control, until
from mock_clio.server import MockClioServer
from tests.end_to_end.conftest import Running


async def secrets_of(service: Running) -> dict[str, str]:
    access = await service.services.accounts.access(service.firm)
    rows = await service.services.database.pool.fetch("SELECT id, endpoint_key, secret FROM webhook_endpoint")
    settings = service.settings
    found = {
        "access token": access.access_token,
        "client secret": CLIENT_SECRET,
        "jwt secret": settings.jwt_secret.get_secret_value(),
        "encryption key": settings.encryption_keys.get_secret_value().partition(":")[2],
        "database url": settings.database_url.get_secret_value() if settings.database_url else "",
        "redis url": settings.redis_url.get_secret_value() if settings.redis_url else "",
    }
    for row in rows:
        found[f"endpoint key {row['id']}"] = row["endpoint_key"]
        found[f"webhook secret {row['id']}"] = service.services.cipher.decrypt(
            row["secret"], purpose=f"webhook_secret:{row['id']}"
        )
    return found


async def test_logs_hold_no_secret_and_no_clients_data(
    service: Running, control: Control, mock_clio: MockClioServer
) -> None:
    assert mock_clio.url
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    try:
        await service.connect()
        contacts = await control.records("contacts")
        changed = min(contacts)
        await control.fail(prefix="/api/v4/contacts", status=422, count=1)
        await service.query("mutation { syncNow(full: true) { runs { id } errors { code } } }")
        await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
        await control.edit("contacts", changed, title="Secretissima", date_of_birth="1901-02-03")
        await until(service.mirrors)
        await until(service.is_quiet)
        await service.query('{ contacts(filter: {title: {eq: "Secretissima"}}) { nodes { name } } }')
    finally:
        configure_logging("info")
    text = stream.getvalue()
    for line in text.splitlines():
        assert isinstance(json.loads(line), dict)
    assert "sync_run_settled" in text
    leaked = {name for name, value in (await secrets_of(service)).items() if value and value in text}
    assert leaked == set()
    names = {str(record["name"]) for record in contacts.values()} | {"Secretissima", "1901-02-03"}
    emails = {str(record["primary_email_address"]) for record in contacts.values() if record["primary_email_address"]}
    assert {value for value in names | emails if value in text} == set()
