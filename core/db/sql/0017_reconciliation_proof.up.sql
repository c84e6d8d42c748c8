-- Deletions told of records that the mirror does not have, so that an older page does not bring them in.
CREATE TABLE tombstone (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    clio_id bigint not null,
    seen_at timestamptz not null,
    evidence jsonb not null,
    source varchar(16) not null,
    CONSTRAINT tombstone_firm_resource_clio_id UNIQUE (firm, resource, clio_id)
);
CREATE INDEX tombstone_seen_at ON tombstone (seen_at);

-- The pages of Clio's list while a run compares them, as it listed them; they go with the run's end.
CREATE TABLE reconciliation_page (
    id bigserial primary key,
    run bigint not null,
    up_to bigint not null,
    listed text not null,
    CONSTRAINT reconciliation_page_run_up_to UNIQUE (run, up_to)
);

-- What is held for approval is counted, decided and kept until it is settled; reports prove what they say.
ALTER TABLE reconciliation_report DROP COLUMN held;
ALTER TABLE reconciliation_report
    ADD COLUMN kept integer not null default 0,
    ADD COLUMN held integer not null default 0,
    ADD COLUMN held_at timestamptz,
    ADD COLUMN decision varchar(16),
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by text,
    ADD COLUMN from_at timestamptz,
    ADD COLUMN until_at timestamptz,
    ADD COLUMN root varchar(64),
    ADD COLUMN clio_root varchar(64),
    ADD COLUMN differing integer,
    ADD COLUMN unexplained integer,
    ADD COLUMN presences jsonb,
    ADD COLUMN coverage jsonb,
    ADD COLUMN samples jsonb not null default '[]';
ALTER TABLE sync_run DROP COLUMN confirm_disappeared;
ALTER TABLE sync_run ADD COLUMN approves bigint;

CREATE INDEX reconciliation_report_held ON reconciliation_report (firm, resource) WHERE held > 0;
