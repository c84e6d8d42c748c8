"""GraphQL over HTTP, by the audit that servers are compared with."""

from collections import Counter

from core.testing.api import Api
from tests.clients.node import Clients


async def test_every_audit_of_graphql_over_http_passes(api: Api, clients: Clients) -> None:
    audits = await clients.run("audit.mjs", url=api.url, token=api.token([1]))
    failed = [f"{audit['id']} {audit['name']}: {audit['reason']}" for audit in audits if audit["status"] != "ok"]
    assert failed == []
    levels = Counter(audit["name"].split()[0] for audit in audits)
    assert levels == {"MUST": 13, "SHOULD": 23, "MAY": 25}
