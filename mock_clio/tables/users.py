"""Users of a firm, their groups and the account they belong to."""

from mock_clio.tables.declare import declare

USER = declare(
    "User",
    "id:i64 etag:str account_owner:bool clio_connect:bool court_rules_default_attendee:bool "
    "created_at:datetime default_calendar_id:i64 email:str enabled:bool first_name:str initials:str "
    "last_name:str locale:str name:str phone_number:str rate:f32 roles:strings subscription_type:str "
    "time_zone:str updated_at:datetime",
    "account:Account=row avatar:Avatar contact:Contact default_activity_description:ActivityDescription "
    "groups:*Group=row job_title:JobTitle notification_methods:*NotificationMethod",
    enums={
        "subscription_type": ("Attorney", "NonAttorney"),
    },
    permission="users",
)

ACCOUNT = declare(
    "Account",
    "id:i64 etag:str address:str city:str country:str created_at:datetime fax:str name:str phone:str "
    "postal_code:str province:str state:str updated_at:datetime",
)

GROUP = declare(
    "Group",
    "id:i64 etag:str client_connect_user:bool name:str type:str updated_at:datetime",
    "users:*User=row",
    enums={
        "type": ("UserGroup", "AdhocGroup", "AccountGroup", "TeamGroup"),
    },
    permission="users",
)

JOB_TITLE = declare(
    "JobTitle",
    "id:i64 etag:str initials:str name:str",
)

NOTIFICATION_METHOD = declare(
    "NotificationMethod",
    "id:i64 etag:str created_at:datetime email_address:str is_default_email_address:bool type:str updated_at:datetime",
    enums={
        "type": ("Email", "Popup", "SMS"),
    },
)

ACTIVITY_DESCRIPTION = declare(
    "ActivityDescription",
    "id:i64 etag:str accessible_to_user:bool category_type:str created_at:datetime currency:obj default:bool "
    "description:str name:str type:str updated_at:datetime utbms_activity_id:i64 utbms_task_id:i64 "
    "utbms_task_name:str visible_to_co_counsel:bool xero_service_code:str",
    permission="activities",
)

SCHEMAS = (USER, ACCOUNT, GROUP, JOB_TITLE, NOTIFICATION_METHOD, ACTIVITY_DESCRIPTION)
