"""Contacts, users and matters together: edges both ways, the records inside them, and what can be filtered."""

from typing import Any

import pytest

from core.testing.api import Api
from tests.plugins.storing import store

SILVA: dict[str, Any] = {
    "id": 10,
    "type": "Person",
    "name": "Dr. Ana Maria Silva",
    "company": {"id": 11},
    "related_contacts": [{"id": 11}, {"id": 12}, {"redacted": True, "id": None}],
    "currency": {"code": "CAD"},
    "co_counsel_rate": {"rate": 150.5},
    "primary_email_address": {"id": 1, "address": "ana@example.com"},
    "email_addresses": [{"id": 291003311, "name": "Work", "address": "ana@example.com", "primary": True}],
    "account_balances": [{"id": 7, "name": "Trust", "type": "Trust", "balance": 1250.1}],
    "payment_profile": {"name": "Net 30", "terms": 30, "interest_rate": 2.5, "interest_type": "simple"},
}

LEASE: dict[str, Any] = {
    "id": 20,
    "status": "Open",
    "client": {"id": 10},
    "user": {"id": 30},
    "group": {"id": 40, "name": "Litigators"},
    "statute_of_limitations": {"id": 50, "name": "Limit", "due_at": "2027-03-01T00:00:00-08:00", "status": "pending"},
    "relationships": [{"id": 60, "description": "Judge"}, {"id": 61, "description": "Witness"}],
    "matter_budget": {"budget": 5000, "include_expenses": False},
    "matter_bill_recipients": [{"id": 70, "recipient": {"id": 10}}],
    "split_invoice_payers": [{"id": 80, "contact_id": 11, "split_portion": 33.34, "send_to_bill_recipients": True}],
}


@pytest.fixture
async def filled(graph: Api) -> Api:
    """Two firms, the second with the same Clio ids and nobody related."""
    others = [{"id": number, "name": f"Contact {number}"} for number in (11, 12, 13)]
    await store(graph.services, "contact", SILVA, *others)
    await store(graph.services, "contact", {"id": 10}, *others, firm=2)
    await store(graph.services, "user", {"id": 30, "name": "Jordan Lee", "groups": [{"id": 40, "name": "Litigators"}]})
    await store(graph.services, "matter", LEASE, {"id": 21, "client": {"id": 12}})
    await store(graph.services, "matter", {"id": 20}, firm=2)
    return graph


async def test_related_contacts_both_ways(filled: Api) -> None:
    document = """{
        matter(clioId: 20, firm: 1) { relationships { description } }
        contact(clioId: 12, firm: 1) { matters { nodes { clioId } } relatingContacts { nodes { clioId } } }
        other: contact(clioId: 12, firm: 2) { relatingContacts { totalCount } }
        silva: contact(clioId: 10, firm: 1) { relatedContacts { nodes { clioId firm } } }
    }"""
    found = (await filled.query(document, firms=[1, 2])).data
    assert found["matter"] == {"relationships": [{"description": "Judge"}, {"description": "Witness"}]}
    assert found["contact"] == {
        "matters": {"nodes": [{"clioId": "21"}]},
        "relatingContacts": {"nodes": [{"clioId": "10"}]},
    }
    assert found["other"] == {"relatingContacts": {"totalCount": 0}}
    assert found["silva"]["relatedContacts"]["nodes"] == [{"clioId": "11", "firm": "1"}, {"clioId": "12", "firm": "1"}]


async def test_the_user_of_a_matter_both_ways(filled: Api) -> None:
    document = "{ matters { nodes { user { name groups { id name type } matters { nodes { clioId } } } } } }"
    first, second = (await filled.query(document)).data["matters"]["nodes"]
    assert first["user"] == {
        "name": "Jordan Lee",
        "groups": [{"id": "40", "name": "Litigators", "type": None}],
        "matters": {"nodes": [{"clioId": "20"}]},
    }
    assert second["user"] is None


async def test_records_inside_a_contact(filled: Api) -> None:
    document = """{ contact(clioId: 10) {
        primaryEmailAddress currencyCode coCounselRate emailAddresses { id name address primary } phoneNumbers { id }
        accountBalances { id name type balance } paymentProfile { name terms interestRate interestType discountRate }
    } }"""
    assert (await filled.query(document)).data["contact"] == {
        "primaryEmailAddress": "ana@example.com",
        "currencyCode": "CAD",
        "coCounselRate": "150.5",
        "emailAddresses": [{"id": "291003311", "name": "Work", "address": "ana@example.com", "primary": True}],
        "phoneNumbers": None,
        "accountBalances": [{"id": "7", "name": "Trust", "type": "Trust", "balance": "1250.1"}],
        "paymentProfile": {
            "name": "Net 30",
            "terms": 30,
            "interestRate": "2.5",
            "interestType": "simple",
            "discountRate": None,
        },
    }


async def test_records_inside_a_matter(filled: Api) -> None:
    document = """{ matter(clioId: 20) {
        groupClioId groupName statuteOfLimitationsDueAt statuteOfLimitationsStatus customRate { type }
        matterBudget { budget includeExpenses } matterBillRecipients { id recipientClioId }
        splitInvoicePayers { contactId splitPortion sendToBillRecipients }
    } }"""
    assert (await filled.query(document)).data["matter"] == {
        "groupClioId": "40",
        "groupName": "Litigators",
        "statuteOfLimitationsDueAt": "2027-03-01",
        "statuteOfLimitationsStatus": "pending",
        "customRate": None,
        "matterBudget": {"budget": "5000", "includeExpenses": False},
        "matterBillRecipients": [{"id": "70", "recipientClioId": "10"}],
        "splitInvoicePayers": [{"contactId": "11", "splitPortion": "33.34", "sendToBillRecipients": True}],
    }


async def test_matters_whose_limitation_is_near(filled: Api) -> None:
    document = """query($by: Date!) {
        matters(
            filter: {statuteOfLimitationsDueAt: {lte: $by}}
            orderBy: [{field: STATUTE_OF_LIMITATIONS_DUE_AT, direction: ASC}]
        ) { nodes { clioId } }
    }"""
    for by, found in (("2027-03-01", [{"clioId": "20"}]), ("2027-02-28", [])):
        assert (await filled.query(document, {"by": by})).data["matters"]["nodes"] == found
