"""Contacts and the records that live inside them."""

from mock_clio.tables.declare import declare

CONTACT = declare(
    "Contact",
    "id:i64 etag:str client_connect_user_id:i64 clio_connect_email:str created_at:datetime date_of_birth:date "
    "first_name:str has_clio_for_clients_permission:bool initials:str is_bill_recipient:bool is_client:bool "
    "is_clio_for_client_user:bool is_co_counsel:bool last_name:str ledes_client_id:str "
    "locked_clio_connect_email:bool middle_name:str name:str prefix:str primary_email_address:str "
    "primary_phone_number:str require_utbms_codes:bool sales_tax_number:str secondary_email_address:str "
    "secondary_phone_number:str title:str type:str updated_at:datetime",
    "currency:Currency=row account_balances:*AccountBalance=row activity_rates:*ActivityRate "
    "addresses:*Address=row avatar:Avatar co_counsel_rate:ActivityRate company:Contact=key "
    "custom_field_set_associations:*CustomFieldSetAssociation=derived "
    "custom_field_values:*CustomFieldValue=derived "
    "email_addresses:*EmailAddress=row folder:Folder=key instant_messengers:*InstantMessenger=row "
    "kyc_field_values:*KycFieldValue legal_aid_uk_contact:LegalAidUkContact "
    "notification_methods:*NotificationMethod payment_profile:PaymentProfile phone_numbers:*PhoneNumber=row "
    "primary_address:Address=row primary_web_site:WebSite=row primary_work_address:Address=row "
    "related_contacts:*Contact secondary_address:Address=row web_sites:*WebSite=row",
    enums={
        "type": ("Company", "Person"),
    },
    permission="contacts",
)

ADDRESS = declare(
    "Address",
    "id:i64 etag:str city:str country:str created_at:datetime name:str postal_code:str primary:bool "
    "province:str street:str updated_at:datetime",
    enums={
        "name": ("Work", "Home", "Billing", "Other"),
    },
)

EMAIL_ADDRESS = declare(
    "EmailAddress",
    "id:i64 etag:str address:str created_at:datetime default_email:bool name:str primary:bool updated_at:datetime",
)

PHONE_NUMBER = declare(
    "PhoneNumber",
    "id:i64 etag:str created_at:datetime default_number:bool name:str number:str primary:bool updated_at:datetime",
    enums={
        "name": ("Work", "Personal", "Other"),
    },
)

WEB_SITE = declare(
    "WebSite",
    "id:i64 etag:str address:str created_at:datetime default_web_site:bool name:str updated_at:datetime",
    enums={
        "name": ("Work", "Personal", "Twitter", "Facebook", "LinkedIn", "Instant Messenger", "Other"),
    },
)

INSTANT_MESSENGER = declare(
    "InstantMessenger",
    "id:i64 etag:str address:str created_at:datetime name:str updated_at:datetime",
    enums={
        "name": ("Work", "Personal", "Other"),
    },
)

AVATAR = declare(
    "Avatar",
    "id:i64 etag:str _destroy:bool created_at:datetime updated_at:datetime url:str",
)

ACTIVITY_RATE = declare(
    "ActivityRate",
    "id:i64 etag:str co_counsel_contact_id:i64 contact_id:i64 created_at:datetime flat_rate:bool rate:f64 "
    "updated_at:datetime",
)

PAYMENT_PROFILE = declare(
    "PaymentProfile",
    "id:i64 etag:str billing_setting_id:i64 created_at:datetime discount_period:i32 discount_rate:f32 "
    "interest_period:i32 interest_rate:f32 interest_type:str name:str terms:i32 updated_at:datetime",
    enums={
        "interest_type": ("simple", "compound"),
    },
)

LEGAL_AID_UK_CONTACT = declare(
    "LegalAidUkContact",
    "id:i64 disability:i32 disability_code:str ethnicity:i32 ethnicity_title:str financially_eligible:bool "
    "gender:i32 gender_title:str national_insurance_number:str",
)

SCHEMAS = (
    CONTACT,
    ADDRESS,
    EMAIL_ADDRESS,
    PHONE_NUMBER,
    WEB_SITE,
    INSTANT_MESSENGER,
    AVATAR,
    ACTIVITY_RATE,
    PAYMENT_PROFILE,
    LEGAL_AID_UK_CONTACT,
)
