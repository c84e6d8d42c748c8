"""The people of a matter: its client and its related contacts, as the two lists under a matter show them."""

from mock_clio.tables.declare import declare

_PERSON = (
    "id:i64 client_connect_user_id:i64 created_at:datetime first_name:str initials:str last_name:str "
    "middle_name:str name:str prefix:str primary_email_address:str primary_phone_number:str title:str type:str "
    "updated_at:datetime "
)
_REACH = (
    "addresses:*Address=row avatar:Avatar company:Contact=key custom_field_values:*CustomFieldValue=derived "
    "email_addresses:*EmailAddress=row phone_numbers:*PhoneNumber=row primary_address:Address=row "
    "primary_web_site:WebSite=row relationship:Relationship=row secondary_address:Address=row "
    "secondary_web_site:WebSite=row web_sites:*WebSite=row"
)

MATTER_CONTACTS = declare(
    "MatterContacts",
    f"{_PERSON} contact_created_at:datetime contact_updated_at:datetime description:str etag:str is_client:bool "
    "matter_id:i64 matter_number:str relationship_name:str secondary_email_address:str secondary_phone_number:str",
    _REACH,
    enums={"type": ("Company", "Person")},
    permission="contacts",
)

RELATED_CONTACTS = declare(
    "RelatedContacts",
    f"{_PERSON} contact_id:i64 is_matter_client:bool",
    _REACH,
    enums={"type": ("Company", "Person")},
    permission="contacts",
)

SCHEMAS = (MATTER_CONTACTS, RELATED_CONTACTS)
