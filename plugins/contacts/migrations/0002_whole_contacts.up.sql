ALTER TABLE contacts_contact
    ADD COLUMN email_addresses jsonb,
    ADD COLUMN phone_numbers jsonb,
    ADD COLUMN addresses jsonb,
    ADD COLUMN web_sites jsonb,
    ADD COLUMN instant_messengers jsonb,
    ADD COLUMN require_utbms_codes boolean,
    ADD COLUMN currency_code text,
    ADD COLUMN account_balances jsonb,
    ADD COLUMN activity_rates jsonb,
    ADD COLUMN co_counsel_rate numeric,
    ADD COLUMN payment_profile jsonb,
    ADD COLUMN client_connect_user_id bigint,
    ADD COLUMN clio_connect_email text,
    ADD COLUMN is_clio_for_client_user boolean,
    ADD COLUMN has_clio_for_clients_permission boolean,
    ADD COLUMN related_contact_clio_ids bigint[];

CREATE INDEX contacts_contact_related_contact_clio_ids ON contacts_contact USING gin (related_contact_clio_ids);
