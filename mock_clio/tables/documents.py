"""Documents, their versions, and the folders they lie in."""

from mock_clio.tables.declare import declare

_FILED = (
    "contact:Contact=key creator:ClioCreator=key document_category:DocumentCategory=key "
    "external_properties:*ExternalProperty=row group:Group=key latest_document_version:DocumentVersion=key "
    "matter:Matter=key parent:LinkedFolder=key"
)
"""What a document, a folder, and either of them as an item of a folder point at."""

DOCUMENT = declare(
    "Document",
    "id:i64 etag:str content_type:str created_at:datetime deleted_at:datetime filename:str locked:bool name:str "
    "received_at:datetime size:i32 type:str updated_at:datetime",
    _FILED,
    enums={
        "type": ("Document",),
    },
    permission="documents",
)

DOCUMENT_VERSION = declare(
    "DocumentVersion",
    "id:i64 etag:str content_type:str created_at:datetime document_id:i64 filename:str fully_uploaded:bool "
    "put_url:str received_at:datetime size:i32 updated_at:datetime uuid:str version_number:i32",
    "creator:ClioCreator=key multiparts:*Multipart=row put_headers:*MultipartHeader=row",
    permission="documents",
)

FOLDER = declare(
    "Folder",
    "id:i64 etag:str created_at:datetime deleted_at:datetime locked:bool name:str root:bool type:str "
    "updated_at:datetime",
    _FILED,
    enums={
        "type": ("Folder",),
    },
    permission="documents",
)

ITEM = declare(
    "Item",
    "id:i64 etag:str created_at:datetime deleted_at:datetime locked:bool name:str type:str updated_at:datetime",
    _FILED,
    enums={
        "type": ("Document", "Folder"),
    },
    permission="documents",
)

LINKED_FOLDER = declare(
    "LinkedFolder",
    "id:i64 etag:str created_at:datetime deleted_at:datetime locked:bool name:str root:bool type:str "
    "updated_at:datetime",
    enums={
        "type": ("Folder",),
    },
)

CLIO_CREATOR = declare(
    "ClioCreator",
    "id:i64 etag:str account_owner:bool clio_connect:bool court_rules_default_attendee:bool "
    "created_at:datetime default_calendar_id:i64 email:str enabled:bool first_name:str initials:str "
    "last_name:str name:str phone_number:str rate:f32 roles:strings subscription_type:str time_zone:str "
    "type:str updated_at:datetime",
    enums={
        "subscription_type": ("Attorney", "NonAttorney"),
        "type": ("ManageUser", "ClientUser"),
    },
)

DOCUMENT_CATEGORY = declare(
    "DocumentCategory",
    "id:i64 etag:str created_at:datetime name:str updated_at:datetime",
)

EXTERNAL_PROPERTY = declare(
    "ExternalProperty",
    "id:i64 etag:str created_at:datetime name:str updated_at:datetime value:str",
)

MULTIPART = declare(
    "Multipart",
    "part_number:i32 put_url:str",
    "put_headers:*MultipartHeader=row",
)

MULTIPART_HEADER = declare(
    "MultipartHeader",
    "name:str value:str",
)

SCHEMAS = (
    DOCUMENT,
    DOCUMENT_VERSION,
    FOLDER,
    ITEM,
    LINKED_FOLDER,
    CLIO_CREATOR,
    DOCUMENT_CATEGORY,
    EXTERNAL_PROPERTY,
    MULTIPART,
    MULTIPART_HEADER,
)
