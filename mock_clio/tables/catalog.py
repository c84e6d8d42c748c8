"""Every schema and every collection the mock knows, by name."""

from collections.abc import Mapping

from mock_clio.tables import (
    activities,
    contacts,
    documents,
    legal_aid,
    matter_contacts,
    matters,
    shared,
    users,
    webhooks,
)
from mock_clio.tables.declare import SINCE, Filter, Resource, Schema, filters

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for module in (contacts, users, matters, matter_contacts, legal_aid, shared, documents, activities, webhooks)
    for schema in module.SCHEMAS
}

READ = frozenset({"list", "show"})
WRITE = READ | {"create", "update", "delete"}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _listing(notation: str, **enums: str) -> dict[str, Filter]:
    """Filters of one collection, the common ones included."""
    return filters(f"{SINCE} {notation}", enums={name.replace("__", "[]"): values for name, values in enums.items()})


USERS = Resource(
    path="users",
    schema=users.USER,
    permission="users",
    verbs=READ,
    filters=_listing(
        "enabled:bool include_co_counsel:bool name:str pending_setup:bool role:str subscription_type:str",
        role="admin accounts billing reports",
        subscription_type="attorney nonattorney",
    ),
    orders=("enabled", "id", "name", "first_name", "last_name", "initials", "subscription_type"),
    max_limit=2000,
)

CONTACTS = Resource(
    path="contacts",
    schema=contacts.CONTACT,
    permission="contacts",
    verbs=WRITE,
    filters=_listing(
        "client_only:bool clio_connect_only:bool custom_field_ids[]:i64 custom_field_values:str email_only:bool "
        "exclude_ids[]:i64 initial:str query:str shared_resource_id:i64 type:str",
        initial=" ".join(ALPHABET),
        type="Company Person",
        custom_field_values="= < > <= >=",
    ),
    orders=("id", "name", "shared_at"),
    model="contact",
)

_DATE_OPERATORS = ">DATE >=DATE =DATE <=DATE <DATE"

MATTERS = Resource(
    path="matters",
    schema=matters.MATTER,
    permission="matters",
    verbs=WRITE,
    filters=_listing(
        "billable:bool client_id:i64 close_date[]:str currency_id:i64 custom_field_ids[]:i64 custom_field_values:str "
        "evergreen_retainer_filter:bool grant_id:i64? group_id:i64 notification_event_subscriber_user_id:i64? "
        "open_date[]:str originating_attorney_id:i64? pending_date[]:str practice_area_id:i64 query:str "
        "responsible_attorney_id:i64? responsible_staff_id:i64? status:str subscriber_user_id:i64?",
        status="open closed pending",
        open_date__=_DATE_OPERATORS,
        close_date__=_DATE_OPERATORS,
        pending_date__=_DATE_OPERATORS,
        custom_field_values="= < > <= >=",
    ),
    orders=(
        "display_number",
        "custom_number",
        "id",
        "client.name",
        "clients",
        "open_date",
        "practice_area.name",
        "matter_stage.name",
        "responsible_attorney.name",
        "close_date",
        "pending_date",
        "updated_at",
        "created_at",
        "statute_of_limitations.due_at",
        "originating_attorney.name",
        "grants",
        "matter_stage_updated_at",
    ),
    model="matter",
)

MATTER_STAGES = Resource(
    path="matter_stages",
    schema=matters.MATTER_STAGE,
    permission="matters",
    verbs=frozenset({"list"}),
    filters=_listing("practice_area_id:i64"),
)

PRACTICE_AREAS = Resource(
    path="practice_areas",
    schema=matters.PRACTICE_AREA,
    permission="matters",
    verbs=READ,
    filters=_listing("code:str matter_id:i64 name:str"),
    orders=("id", "name", "category", "code"),
)

GROUPS = Resource(
    path="groups",
    schema=users.GROUP,
    permission="users",
    verbs=READ,
    filters=_listing("archived:bool name:str query:str type:str user_id:i64", type="AccountGroup AdhocGroup UserGroup"),
    orders=("id", "name"),
)

_FILED = (
    "contact_id:i64? document_category_id:i64? external_property_name:str external_property_value:str "
    "include_deleted:bool matter_id:i64? query:str scope:str"
)
_SCOPES = "children descendants"

DOCUMENTS = Resource(
    path="documents",
    schema=documents.DOCUMENT,
    permission="documents",
    verbs=WRITE,
    filters=_listing(f"{_FILED} locked:bool parent_id:i64? show_uncompleted:bool", scope=_SCOPES),
    orders=("created_at", "document_number", "id", "name", "received_at", "updated_at"),
    model="document",
)

FOLDERS = Resource(
    path="folders",
    schema=documents.FOLDER,
    permission="documents",
    verbs=WRITE,
    filters=_listing(f"{_FILED} parent_id:i64?", scope=_SCOPES),
    orders=("id", "name", "updated_at"),
    model="folder",
)

ITEMS = Resource(
    path="folders/list",
    schema=documents.ITEM,
    permission="documents",
    verbs=frozenset({"list"}),
    filters=_listing(f"{_FILED} parent_id:i64 show_uncompleted:bool", scope=_SCOPES),
    orders=DOCUMENTS.orders,
)

VERSIONS = Resource(
    path="versions",
    schema=documents.DOCUMENT_VERSION,
    permission="documents",
    verbs=frozenset({"list"}),
    filters=filters("fully_uploaded:bool"),
)

ACTIVITIES = Resource(
    path="activities",
    schema=activities.ACTIVITY,
    permission="activities",
    verbs=WRITE,
    filters=_listing(
        "activity_description_id:i64? calendar_entry_id:i64? communication_id:i64? contact_note_id:i64? "
        "end_date:datetime expense_category_id:i64? flat_rate:bool grant_id:i64? matter_id:i64? matter_note_id:i64? "
        "only_unaccounted_for:bool query:str start_date:datetime status:str task_id:i64? type:str user_id:i64?",
        status="billed draft unbilled non_billable billable written_off",
        type="TimeEntry ExpenseEntry HardCostEntry SoftCostEntry",
    ),
    orders=(
        "id",
        "display_number",
        "user.name",
        "price",
        "total",
        "type",
        "date",
        "note",
        "updated_at",
        "vendor.name",
        "expense_category.name",
        "non_billable",
        "non_billable_total",
    ),
    model="activity",
)

CUSTOM_FIELDS = Resource(
    path="custom_fields",
    schema=shared.CUSTOM_FIELD,
    permission="custom_fields",
    verbs=WRITE,
    filters=_listing(
        "deleted:bool field_type:str parent_type:str query:str visible_and_required:bool",
        field_type=" ".join(shared.CUSTOM_FIELD.fields["field_type"].enum),
        parent_type="matter contact",
    ),
    orders=("id", "name", "display_order"),
)

CUSTOM_FIELD_SETS = Resource(
    path="custom_field_sets",
    schema=shared.CUSTOM_FIELD_SET,
    permission="custom_fields",
    verbs=WRITE,
    filters=_listing("displayed:bool parent_type:str query:str", parent_type="Matter Contact"),
    orders=("name", "id", "parent_type"),
)

WEBHOOKS = Resource(
    path="webhooks",
    schema=webhooks.WEBHOOK,
    permission="webhooks",
    verbs=WRITE,
    filters=_listing(""),
    orders=("id",),
)

EMAIL_ADDRESSES = Resource(
    path="email_addresses",
    schema=contacts.EMAIL_ADDRESS,
    permission="contacts",
    verbs=frozenset({"list"}),
    filters=_listing(""),
)

PHONE_NUMBERS = Resource(
    path="phone_numbers",
    schema=contacts.PHONE_NUMBER,
    permission="contacts",
    verbs=frozenset({"list"}),
    filters=_listing(""),
)

MATTER_CONTACTS = Resource(
    path="contacts",
    schema=matter_contacts.MATTER_CONTACTS,
    permission="contacts",
    verbs=frozenset({"list"}),
    filters=filters("custom_field_ids[]:i64"),
    orders=("is_client", "id"),
    default_order="is_client",
)

RELATED_CONTACTS = Resource(
    path="related_contacts",
    schema=matter_contacts.RELATED_CONTACTS,
    permission="contacts",
    verbs=frozenset({"list"}),
    orders=("id", "contact.name"),
)

RESOURCES: dict[str, Resource] = {
    resource.path: resource
    for resource in (
        USERS,
        CONTACTS,
        MATTERS,
        DOCUMENTS,
        FOLDERS,
        MATTER_STAGES,
        PRACTICE_AREAS,
        GROUPS,
        WEBHOOKS,
        CUSTOM_FIELDS,
        CUSTOM_FIELD_SETS,
        ACTIVITIES,
    )
}
"""The collections at the top of /api/v4, by path."""

INLINE: Mapping[str, Resource] = {resource.path: resource for resource in (EMAIL_ADDRESSES, PHONE_NUMBERS)}
"""The collections under one contact, by path."""

OF_MATTER: Mapping[str, Resource] = {resource.path: resource for resource in (MATTER_CONTACTS, RELATED_CONTACTS)}
"""The collections under one matter, by path."""

WEBHOOK_MODELS: Mapping[str, tuple[int, str]] = {
    "matter": (1, "matters"),
    "activity": (2, "activities"),
    "bill": (3, "billing"),
    "calendar_entry": (4, "calendars"),
    "communication": (5, "communications"),
    "contact": (6, "contacts"),
    "task": (7, "tasks"),
    "document": (8, "documents"),
    "folder": (9, "documents"),
    "clio_payments_payment": (10, "clio_payments"),
}
"""Webhook models: the number and the application permission of each."""

PERMISSIONS: tuple[str, ...] = tuple(
    sorted(
        {permission for _, permission in WEBHOOK_MODELS.values()}
        | {resource.permission for resource in RESOURCES.values() if resource.permission}
    )
)
"""Every permission an application can be registered with."""
