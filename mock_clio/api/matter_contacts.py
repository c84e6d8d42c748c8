"""The people of a matter, as the lists under it show them: the contact's own fields with what ties it to the matter."""

from typing import Any

from mock_clio.store.derived import relationships
from mock_clio.store.rows import Row, Store

CLIENT = "Client"


def people(store: Store, matter: Row) -> list[Row]:
    """Rows of schema MatterContacts: the client and the related contacts, as many times as they are related."""
    client = store["Contact"].get(matter["client_id"])
    ties: list[tuple[Row, Row | None]] = [(client, None)] if client is not None else []
    ties += [(store["Contact"].rows[tie["contact_id"]], tie) for tie in relationships(store, matter)]
    return [_person(matter, contact, tie) for contact, tie in ties]


def _person(matter: Row, contact: Row, tie: Row | None) -> Row:
    stamps = tie or contact
    return {
        **contact,
        "contact_created_at": contact["created_at"],
        "contact_updated_at": contact["updated_at"],
        "created_at": stamps["created_at"],
        "updated_at": stamps["updated_at"],
        "description": matter["description"],
        "is_client": tie is None,
        "matter_id": matter["id"],
        "matter_number": matter["display_number"],
        "relationship": tie,
        "relationship_name": CLIENT if tie is None else tie["description"],
    }


def related(store: Store, matter: Row) -> list[Row]:
    """Rows of schema RelatedContacts: the related contacts, as many times as they are related."""
    rows = []
    for tie in relationships(store, matter):
        contact = store["Contact"].rows[tie["contact_id"]]
        is_client = contact["id"] == matter["client_id"]
        rows.append({**contact, "contact_id": contact["id"], "is_matter_client": is_client, "relationship": tie})
    return rows


def sort_key(row: Row, order: str) -> tuple[Any, ...]:
    """By the id of the relationship unless asked otherwise; the client, who has none, is first by it."""
    tie = row["relationship"]["id"] if row["relationship"] else 0
    match order:
        case "is_client":
            return (row["is_client"], tie)
        case "contact.name":
            return (str(row["name"] or "").lower(), tie)
    return (tie,)
