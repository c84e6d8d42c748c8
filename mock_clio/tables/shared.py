"""Records found inside both contacts and matters: money, custom field values, folders."""

from mock_clio.tables.declare import declare

CURRENCY = declare(
    "Currency",
    "id:i64 etag:str code:str created_at:datetime sign:str updated_at:datetime",
)

ACCOUNT_BALANCE = declare(
    "AccountBalance",
    "id:i64 balance:f64 currency_id:i64 name:str type:str",
)

CUSTOM_FIELD_SET_ASSOCIATION = declare(
    "CustomFieldSetAssociation",
    "id:i64 etag:str created_at:datetime display_order:i32 updated_at:datetime",
)

CUSTOM_FIELD_VALUE = declare(
    "CustomFieldValue",
    "etag:str created_at:datetime field_display_order:i32 field_displayed:bool field_name:str "
    "field_required:bool field_type:str id:str soft_deleted:bool updated_at:datetime value:str",
    "contact:Contact=row custom_field:CustomField=row matter:CustomFieldMatterSelection=row "
    "picklist_option:PicklistOption=row",
    enums={
        "field_type": (
            "checkbox",
            "contact",
            "currency",
            "date",
            "time",
            "email",
            "matter",
            "numeric",
            "picklist",
            "text_area",
            "text_line",
            "url",
        ),
    },
)

CUSTOM_FIELD = declare(
    "CustomField",
    "id:i64 etag:str created_at:datetime deleted:bool display_order:i32 displayed:bool field_type:str "
    "name:str parent_type:str required:bool updated_at:datetime",
    "picklist_options:*PicklistOption=row",
    enums={
        "field_type": (
            "checkbox",
            "contact",
            "currency",
            "date",
            "time",
            "email",
            "matter",
            "numeric",
            "picklist",
            "text_area",
            "text_line",
            "url",
        ),
        "parent_type": ("Contact", "Matter"),
    },
    permission="custom_fields",
)

CUSTOM_FIELD_SET = declare(
    "CustomFieldSet",
    "id:i64 etag:str created_at:datetime displayed:bool name:str parent_type:str updated_at:datetime",
    "custom_fields:*CustomField=derived",
    enums={"parent_type": ("Contact", "Matter")},
    permission="custom_fields",
)

PICKLIST_OPTION = declare(
    "PicklistOption",
    "id:i64 etag:str created_at:datetime deleted_at:datetime option:str updated_at:datetime",
)

CUSTOM_FIELD_MATTER_SELECTION = declare(
    "CustomFieldMatterSelection",
    "id:i64 display_number:str",
    permission="matters",
)

KYC_FIELD_VALUE = declare(
    "KycFieldValue",
    "id:i64 etag:str created_at:datetime field_label:str field_name:str field_possible_values:strings "
    "field_type:str field_value:str group:str updated_at:datetime",
    enums={
        "field_type": ("date", "picklist", "text"),
    },
)

FOLDER = declare(
    "Folder",
    "id:i64 etag:str created_at:datetime deleted_at:datetime locked:bool name:str root:bool type:str "
    "updated_at:datetime",
    "contact:Contact creator:ClioCreator document_category:DocumentCategory "
    "external_properties:*ExternalProperty group:Group latest_document_version:DocumentVersion matter:Matter "
    "parent:LinkedFolder",
    enums={
        "type": ("Folder",),
    },
    permission="documents",
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

LINKED_FOLDER = declare(
    "LinkedFolder",
    "id:i64 etag:str created_at:datetime deleted_at:datetime locked:bool name:str root:bool type:str "
    "updated_at:datetime",
    enums={
        "type": ("Folder",),
    },
)

DOCUMENT_VERSION = declare(
    "DocumentVersion",
    "id:i64 etag:str content_type:str created_at:datetime document_id:i64 filename:str fully_uploaded:bool "
    "put_url:str received_at:datetime size:i32 updated_at:datetime uuid:str version_number:i32",
    "creator:ClioCreator multiparts:*Multipart put_headers:*MultipartHeader",
    permission="documents",
)

MULTIPART = declare(
    "Multipart",
    "part_number:i32 put_url:str",
    "put_headers:*MultipartHeader",
)

MULTIPART_HEADER = declare(
    "MultipartHeader",
    "name:str value:str",
)

SCHEMAS = (
    CURRENCY,
    ACCOUNT_BALANCE,
    CUSTOM_FIELD_SET_ASSOCIATION,
    CUSTOM_FIELD_VALUE,
    CUSTOM_FIELD,
    CUSTOM_FIELD_SET,
    PICKLIST_OPTION,
    CUSTOM_FIELD_MATTER_SELECTION,
    KYC_FIELD_VALUE,
    FOLDER,
    CLIO_CREATOR,
    DOCUMENT_CATEGORY,
    EXTERNAL_PROPERTY,
    LINKED_FOLDER,
    DOCUMENT_VERSION,
    MULTIPART,
    MULTIPART_HEADER,
)
