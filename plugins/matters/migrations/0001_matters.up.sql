CREATE TABLE matters_matter (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    number integer,
    display_number text,
    custom_number text,
    description text,
    status text,
    location text,
    client_reference text,
    billable boolean,
    billing_method text,
    open_date date,
    pending_date date,
    close_date date,
    last_activity_date date,
    has_tasks boolean,
    matter_stage_updated_at timestamptz,
    client_clio_id bigint,
    responsible_attorney_clio_id bigint,
    originating_attorney_clio_id bigint,
    responsible_staff_clio_id bigint,
    practice_area_clio_id bigint,
    practice_area_name text,
    matter_stage_clio_id bigint,
    matter_stage_name text,
    CONSTRAINT matters_matter_firm_clio_id UNIQUE (firm, clio_id)
);

CREATE INDEX matters_matter_client_clio_id ON matters_matter (firm, client_clio_id, clio_id);
CREATE INDEX matters_matter_responsible_attorney_clio_id ON matters_matter (firm, responsible_attorney_clio_id, clio_id);
CREATE INDEX matters_matter_originating_attorney_clio_id ON matters_matter (firm, originating_attorney_clio_id, clio_id);
CREATE INDEX matters_matter_responsible_staff_clio_id ON matters_matter (firm, responsible_staff_clio_id, clio_id);
