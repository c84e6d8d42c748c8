"""Activities and what they point at: descriptions, expense categories, bills."""

from mock_clio.tables.declare import declare

ACTIVITY = declare(
    "Activity",
    "id:i64 etag:str billed:bool contingency_fee:bool created_at:datetime date:date flat_rate:bool no_charge:bool "
    "non_billable:bool non_billable_total:f64 note:str on_bill:bool price:f64 quantity:f64 quantity_in_hours:f64 "
    "quantity_redacted:bool reference:str rounded_quantity:f64 rounded_quantity_in_hours:f64 tax_setting:str "
    "total:f64 type:str updated_at:datetime",
    "activity_description:ActivityDescription=key bill:Bill=row calendar_entry:Activity_CalendarEntry "
    "client_portal:ClientPortal communication:Communication=row contact_note:Note currency:Currency=row "
    "document_version:DocumentVersion expense_category:ExpenseCategory=key input_tax_settings:*TaxSetting "
    "legal_aid_uk_activity:LegalAidUkActivity matter:Matter=key matter_note:Note subject:PolymorphicObject "
    "task:Activity_Task=row tax_settings:*TaxSetting text_message_conversation:Activity_TextMessageConversation "
    "timer:Timer user:User=key utbms_expense:UtbmsCode vendor:Contact=key",
    enums={
        "tax_setting": "no_tax tax_1_only tax_2_only tax_1_and_tax_2",
        "type": "TimeEntry ExpenseEntry HardCostEntry SoftCostEntry",
    },
    permission="activities",
)

ACTIVITY_DESCRIPTION = declare(
    "ActivityDescription",
    "id:i64 etag:str accessible_to_user:bool category_type:str created_at:datetime currency:obj default:bool "
    "description:str name:str type:str updated_at:datetime utbms_activity_id:i64 utbms_task_id:i64 "
    "utbms_task_name:str visible_to_co_counsel:bool xero_service_code:str",
)

EXPENSE_CATEGORY = declare(
    "ExpenseCategory",
    "id:i64 etag:str accessible_to_user:bool created_at:datetime currency:obj description:str entry_type:str "
    "input_tax_settings:strings name:str rate:i32 tax_setting:str tax_settings:strings updated_at:datetime "
    "xero_expense_code:str",
)

ACTIVITY_TASK = declare(
    "Activity_Task",
    "id:i64 etag:str",
)

ACTIVITY_CALENDAR_ENTRY = declare(
    "Activity_CalendarEntry",
    "id:str etag:str calendar_owner_id:i64",
)

BILL = declare(
    "Bill",
    "id:i64 etag:str available_state_transitions:strings balance:f64 can_update:bool created_at:datetime "
    "credits_issued:f64 discount_services_only:bool due:f64 due_at:date end_at:date issued_at:date kind:str "
    "last_sent_at:datetime memo:str number:str paid:f64 paid_at:datetime pending:f64 purchase_order:str "
    "secondary_tax_rate:f64 secondary_tax_sum:f64 secondary_taxable_sub_total:i64 services_secondary_tax:f64 "
    "services_secondary_taxable_sub_total:i64 services_sub_total:f64 services_tax:f64 "
    "services_taxable_sub_total:i64 shared:bool start_at:date state:str sub_total:f64 subject:str tax_rate:f64 "
    "tax_sum:f64 taxable_sub_total:i64 total:f64 total_tax:f64 type:str updated_at:datetime",
    enums={
        "available_state_transitions": "awaiting_approval awaiting_payment paid void deleted",
        "kind": (
            "revenue_kind summary_kind trust_kind aggregate_all aggregate_split aggregate_services aggregate_expenses"
        ),
        "state": "draft awaiting_approval awaiting_payment paid void deleted",
        "type": "MatterBill ClientBill",
    },
)

CLIENT_PORTAL = declare(
    "ClientPortal",
    "id:i64 etag:str created_at:datetime unread:bool unread_count:i32 unread_notifiable_count:i32 updated_at:datetime",
)

COMMUNICATION = declare(
    "Communication",
    "id:i64 etag:str body:str created_at:datetime date:date received_at:datetime subject:str time_entries_count:i32 "
    "type:str updated_at:datetime",
    enums={
        "type": "EmailCommunication PhoneCommunication",
    },
)

NOTE = declare(
    "Note",
    "id:i64 etag:str created_at:datetime date:date detail:str detail_text_type:str subject:str "
    "time_entries_count:i32 type:str updated_at:datetime",
    enums={
        "detail_text_type": "plain_text rich_text",
        "type": "Matter Contact",
    },
)

LEGAL_AID_UK_ACTIVITY = declare(
    "LegalAidUkActivity",
    "id:i64 activity_sub_category:str advocacy:i32 base_rate:f32 bolt_ons:str bolt_ons_summary:str court:i32 "
    "eligible_for_sqm:bool expert:i32 form_of_civil_legal_service:i32 is_custom_rate:bool json_key:str region:i32 "
    "tax_exclusive:bool uplift:f32 user_type:i32",
)

POLYMORPHIC_OBJECT = declare(
    "PolymorphicObject",
    "id:i64 identifier:str secondary_identifier:str tertiary_identifier:str type:str",
    enums={
        "type": (
            "Task CalendarEntry MatterNote ContactNote Matter Contact User CreditMemo Payment Document "
            "Communication Conversation TextMessageConversation"
        ),
    },
)

TAX_SETTING = declare(
    "TaxSetting",
    "order:i32 rule:str tax_rate_configuration_formatted_rate:str tax_rate_configuration_id:i64 "
    "tax_rate_configuration_name:str tax_rate_configuration_rate:f64",
)

ACTIVITY_TEXT_MESSAGE_CONVERSATION = declare(
    "Activity_TextMessageConversation",
    "id:i64 etag:str",
)

TIMER = declare(
    "Timer",
    "id:i64 etag:str created_at:datetime elapsed_time:f64 start_time:datetime updated_at:datetime",
)

UTBMS_CODE = declare(
    "UtbmsCode",
    "id:i64 etag:str code:str created_at:datetime description:str name:str type:str updated_at:datetime "
    "utbms_set_id:i64",
    enums={
        "type": "UtbmsTask UtbmsExpense UtbmsActivity",
    },
)

SCHEMAS = (
    ACTIVITY,
    ACTIVITY_DESCRIPTION,
    EXPENSE_CATEGORY,
    ACTIVITY_TASK,
    ACTIVITY_CALENDAR_ENTRY,
    BILL,
    CLIENT_PORTAL,
    COMMUNICATION,
    NOTE,
    LEGAL_AID_UK_ACTIVITY,
    POLYMORPHIC_OBJECT,
    TAX_SETTING,
    ACTIVITY_TEXT_MESSAGE_CONVERSATION,
    TIMER,
    UTBMS_CODE,
)
