"""What writing a contact means."""

from mock_clio.records.values import MAX_CHILDREN, ChildList, assign, refer
from mock_clio.store.rows import Row, Store
from mock_clio.tables.contacts import ADDRESS, CONTACT, INSTANT_MESSENGER, WEB_SITE
from mock_clio.tables.declare import Kind
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable

SCALARS = {
    **dict.fromkeys(("first_name", "middle_name", "last_name", "name", "prefix", "title", "type"), Kind.STR),
    **dict.fromkeys(("clio_connect_email", "ledes_client_id", "sales_tax_number"), Kind.STR),
    "date_of_birth": Kind.DATE,
    "require_utbms_codes": Kind.BOOL,
}
EMAILS = ChildList(
    "email_addresses",
    "EmailAddress",
    {"address": Kind.STR},
    ("Work", "Home", "Other"),
    flag="default_email",
    limit=MAX_CHILDREN,
)
PHONES = ChildList(
    "phone_numbers",
    "PhoneNumber",
    {"number": Kind.STR},
    ("Work", "Home", "Mobile", "Fax", "Pager", "Skype", "Other"),
    flag="default_number",
    limit=MAX_CHILDREN,
)
ADDRESSES = ChildList(
    "addresses",
    "Address",
    dict.fromkeys(("street", "city", "province", "postal_code", "country"), Kind.STR),
    ADDRESS.fields["name"].enum,
    flag="primary",
    limit=MAX_CHILDREN,
)
WEB_SITES = ChildList(
    "web_sites",
    "WebSite",
    {"address": Kind.STR},
    WEB_SITE.fields["name"].enum,
    flag="default_web_site",
    mark="default_web_site",
)
MESSENGERS = ChildList(
    "instant_messengers", "InstantMessenger", {"address": Kind.STR}, INSTANT_MESSENGER.fields["name"].enum
)
CHILDREN = (EMAILS, PHONES, ADDRESSES, WEB_SITES, MESSENGERS)
PREFIXES = frozenset({"dr", "mr", "mrs", "ms", "miss", "mx", "prof", "hon", "rev", "sir", "dame"})
NAMELESS = "At least one of first name or last name must be provided"
_TWO, _THREE = 2, 3


def blank(store: Store, now: int) -> Row:
    """A contact with nothing in it yet."""
    row: Row = dict.fromkeys(CONTACT.fields)
    row.update({child.name: [] for child in CHILDREN})
    row.update(account_balances=[], custom_field_set_associations=[], custom_field_values=[])
    flags = [name for name, field in CONTACT.fields.items() if field.kind is Kind.BOOL]
    row.update(dict.fromkeys(flags, False))
    row.update(company_id=None, currency=store.currency, created_at=now, updated_at=now)
    return row


def fill(store: Store, draft: Row, data: Data, now: int, *, new: bool) -> None:
    """Apply a body to a draft and check the result.

    Raises:
        ApiError: 422 for a missing name, an unknown type or too many child rows; 404 for an unknown company.
    """
    assign(draft, data, SCALARS)
    if draft["type"] not in CONTACT.fields["type"].enum:
        raise unprocessable(f"'{draft['type'] or ''}' is not a valid type")
    refer(store, draft, data, "company", "Contact", nullable=False)
    company = store["Contact"].get(draft["company_id"])
    if "company" in data and (company is None or company["type"] != "Company"):
        raise unprocessable("'company' is not a contact of type Company")
    for child in CHILDREN:
        child.apply(store, draft, data, now)
    _name(draft, data, new=new)
    derive(draft)


def _name(draft: Row, data: Data, *, new: bool) -> None:
    if draft["type"] == "Company":
        draft["first_name"] = draft["middle_name"] = draft["last_name"] = None
        if not (draft["name"] or "").strip():
            raise unprocessable("Name can't be blank")
        return
    explicit = any(name in data for name in ("first_name", "last_name"))
    if not explicit and data.get("name") and (new or "name" in data):
        _split_name(draft, str(data["name"]))
    if not (draft["first_name"] or "").strip() and not (draft["last_name"] or "").strip():
        raise unprocessable(NAMELESS)
    parts = (draft[part] for part in ("prefix", "first_name", "middle_name", "last_name"))
    draft["name"] = " ".join(part for part in parts if part)


def _split_name(draft: Row, text: str) -> None:
    """Infer the components of a full name: prefix, first, middle, last."""
    words = text.split()
    if len(words) > 1 and words[0].rstrip(".").lower() in PREFIXES:
        draft["prefix"] = words.pop(0)
    draft["first_name"] = words[0] if words else None
    draft["last_name"] = words[-1] if len(words) >= _TWO else None
    draft["middle_name"] = " ".join(words[1:-1]) if len(words) >= _THREE else None


def derive(draft: Row) -> None:
    """Set what follows from the rest: initials and the primary and secondary conveniences."""
    words = (
        [draft["first_name"], draft["last_name"]] if draft["type"] == "Person" else (draft["name"] or "").split()[:2]
    )
    draft["initials"] = "".join(word[0].upper() for word in words if word)
    for kind, list_name, value in (
        ("email_address", "email_addresses", "address"),
        ("phone_number", "phone_numbers", "number"),
    ):
        rows = sorted(draft[list_name], key=lambda row: not row["primary"])
        draft[f"primary_{kind}"] = rows[0][value] if rows else None
        draft[f"secondary_{kind}"] = rows[1][value] if len(rows) > 1 else None
    addresses = sorted(draft["addresses"], key=lambda row: not row["primary"])
    draft["primary_address"] = addresses[0] if addresses else None
    draft["secondary_address"] = addresses[1] if len(addresses) > 1 else None
    draft["primary_work_address"] = next((row for row in addresses if row["name"] == "Work"), None)
    draft["primary_web_site"] = next((row for row in draft["web_sites"] if row["default_web_site"]), None)
