"""Matters, their look-ups and what can be asked for inside them."""

from collections.abc import Mapping

from mock_clio.tables.declare import declare

RATE_TYPES: Mapping[str, str] = {"flat": "FlatRate", "hourly": "HourlyRate", "contingency": "ContingencyFee"}
"""The type of `custom_rate` that each `billing_method` goes with."""

MATTER = declare(
    "Matter",
    "id:i64 etag:str billable:bool billing_method:str client_id:i64 client_reference:str close_date:date "
    "created_at:datetime custom_number:str description:str display_number:str has_tasks:bool "
    "last_activity_date:date location:str maildrop_address:str matter_stage_updated_at:datetime number:i32 "
    "open_date:date pending_date:date require_utbms_codes:bool shared:bool status:str updated_at:datetime",
    "currency:Currency=row account_balances:*AccountBalance=row attorney_allocation:AttorneyAllocation "
    "client:Contact=key contingency_fee:ContingencyFee "
    "custom_field_set_associations:*CustomFieldSetAssociation=derived "
    "custom_field_values:*CustomFieldValue=derived "
    "custom_rate:MatterCustomRate=derived evergreen_retainer:EvergreenRetainer folder:Folder=key "
    "group:Group=key "
    "kyc_field_values:*KycFieldValue legal_aid_uk_matter:LegalAidUkMatter "
    "matter_bill_recipients:*MatterBillRecipient matter_budget:MatterBudget matter_stage:MatterStage=key "
    "originating_attorney:User=key practice_area:PracticeArea=key relationships:*Relationship=derived "
    "responsible_attorney:User=key responsible_staff:User=key split_invoice_payers:*SplitInvoicePayer "
    "statute_of_limitations:Task=row task_template_list_instances:*TaskTemplateListInstace user:User=key",
    enums={
        "billing_method": ("flat", "contingency", "hourly"),
        "status": ("Pending", "Open", "Closed"),
    },
    permission="matters",
)

MATTER_STAGE = declare(
    "MatterStage",
    "id:i64 etag:str created_at:datetime name:str order:i32 practice_area_id:str updated_at:datetime",
    permission="matters",
)

PRACTICE_AREA = declare(
    "PracticeArea",
    "id:i64 etag:str category:str code:str created_at:datetime name:str updated_at:datetime",
    enums={
        "category": (
            "administrative admiralty_and_maritime anti_trust_and_competition appellate banking_and_finance "
            "bankruptcy business_formation_and_compliance civil_litigation civil_rights_and_constitutional "
            "collections_and_debt commercial_and_sale_of_goods commercial_litigation construction "
            "consumer_protection contracts corporate_litigation criminal disability_and_social_security "
            "education elder employment_and_labor energy_and_environmental ethics family food_and_drug "
            "general_practice government healthcare immigration in_house_counsel insurance "
            "intellectual_property international juvenile legal_aid mediation_and_arbitration "
            "medical_malpractice military multi_practice non_profit_and_pro_bono other personal_injury "
            "privacy_and_information_security private_client product_liability real_estate "
            "science_and_technology securities_and_mergers_and_acquisitions small_claims "
            "sports_and_entertainment_and_gaming tax telecommunications traffic_offenses transportation "
            "tribal trusts wills_and_estates workers_compensation"
        ),
    },
    permission="matters",
)

RELATIONSHIP = declare(
    "Relationship",
    "id:i64 etag:str created_at:datetime description:str updated_at:datetime",
    permission="matters",
)

TASK = declare(
    "Task",
    "id:i64 etag:str completed_at:datetime created_at:datetime description:str description_text_type:str "
    "due_at:date name:str notify_completion:bool permission:str priority:str status:str "
    "statute_of_limitations:bool time_entries_count:i32 time_estimated:i32 updated_at:datetime",
    enums={
        "description_text_type": ("plain_text", "rich_text"),
        "priority": ("High", "Normal", "Low"),
        "status": ("pending", "in_progress", "in_review", "complete", "draft"),
    },
    permission="tasks",
)

ATTORNEY_ALLOCATION = declare(
    "AttorneyAllocation",
    "id:i64 etag:str account_id:i64 created_at:datetime originating_attorney_allocation:f32 resource_id:i64 "
    "resource_type:str responsible_attorney_allocation:f32 updated_at:datetime",
)

CONTINGENCY_FEE = declare(
    "ContingencyFee",
    "id:i64 etag:str created_at:datetime show_contingency_award:bool updated_at:datetime",
)

MATTER_CUSTOM_RATE = declare(
    "MatterCustomRate",
    "on_invoice:bool type:str",
    "rates:*PolymorphicCustomRate=row",
    enums={
        "type": ("FlatRate", "HourlyRate", "ContingencyFee"),
    },
)

POLYMORPHIC_CUSTOM_RATE = declare(
    "PolymorphicCustomRate",
    "id:i64 etag:str award:f64 created_at:datetime date:date note:str rate:f64 updated_at:datetime",
    "activity_description:PolymorphicCustomRate_ActivityDescription group:PolymorphicCustomRate_Group "
    "user:PolymorphicCustomRate_User",
)

POLYMORPHIC_CUSTOM_RATE_ACTIVITY_DESCRIPTION = declare(
    "PolymorphicCustomRate_ActivityDescription",
    "id:i64 etag:str name:str",
)

POLYMORPHIC_CUSTOM_RATE_GROUP = declare(
    "PolymorphicCustomRate_Group",
    "id:i64 etag:str name:str",
)

POLYMORPHIC_CUSTOM_RATE_USER = declare(
    "PolymorphicCustomRate_User",
    "id:i64 etag:str enabled:bool name:str",
)

EVERGREEN_RETAINER = declare(
    "EvergreenRetainer",
    "id:i64 etag:str created_at:datetime minimum_threshold:f64 updated_at:datetime",
)

MATTER_BILL_RECIPIENT = declare(
    "MatterBillRecipient",
    "id:i64 etag:str created_at:datetime updated_at:datetime",
    "recipient:Contact",
)

MATTER_BUDGET = declare(
    "MatterBudget",
    "id:i64 etag:str budget:f64 created_at:datetime include_expenses:bool notification_threshold:i32 "
    "notify_users:bool updated_at:datetime",
)

SPLIT_INVOICE_PAYER = declare(
    "SplitInvoicePayer",
    "id:i64 etag:str contact_id:i64 created_at:datetime matter_id:i64 send_to_bill_recipients:bool "
    "split_portion:f64 updated_at:datetime",
)

TASK_TEMPLATE_LIST_INSTACE = declare(
    "TaskTemplateListInstace",
    "id:i64 etag:str created_at:datetime updated_at:datetime",
)

SCHEMAS = (
    MATTER,
    MATTER_STAGE,
    PRACTICE_AREA,
    RELATIONSHIP,
    TASK,
    ATTORNEY_ALLOCATION,
    CONTINGENCY_FEE,
    MATTER_CUSTOM_RATE,
    POLYMORPHIC_CUSTOM_RATE,
    POLYMORPHIC_CUSTOM_RATE_ACTIVITY_DESCRIPTION,
    POLYMORPHIC_CUSTOM_RATE_GROUP,
    POLYMORPHIC_CUSTOM_RATE_USER,
    EVERGREEN_RETAINER,
    MATTER_BILL_RECIPIENT,
    MATTER_BUDGET,
    SPLIT_INVOICE_PAYER,
    TASK_TEMPLATE_LIST_INSTACE,
)
