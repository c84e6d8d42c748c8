"""Records found inside both contacts and matters: money and custom field values."""

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
)
