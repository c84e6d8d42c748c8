ALTER TABLE matters_matter
    ADD COLUMN maildrop_address text,
    ADD COLUMN shared boolean,
    ADD COLUMN require_utbms_codes boolean,
    ADD COLUMN user_clio_id bigint,
    ADD COLUMN group_clio_id bigint,
    ADD COLUMN group_name text,
    ADD COLUMN statute_of_limitations_clio_id bigint,
    ADD COLUMN statute_of_limitations_name text,
    ADD COLUMN statute_of_limitations_due_at date,
    ADD COLUMN statute_of_limitations_status text,
    ADD COLUMN relationships jsonb,
    ADD COLUMN currency_code text,
    ADD COLUMN account_balances jsonb,
    ADD COLUMN custom_rate jsonb,
    ADD COLUMN matter_budget jsonb,
    ADD COLUMN evergreen_retainer jsonb,
    ADD COLUMN attorney_allocation jsonb,
    ADD COLUMN matter_bill_recipients jsonb,
    ADD COLUMN split_invoice_payers jsonb;

CREATE INDEX matters_matter_user_clio_id ON matters_matter (firm, user_clio_id, clio_id);
