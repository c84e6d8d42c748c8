CREATE TABLE reconciliation_report (
    id bigserial primary key,
    run bigint unique not null,
    firm bigint not null,
    resource varchar(64) not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    listed integer not null default 0,
    missing integer not null default 0,
    stale integer not null default 0,
    extra integer not null default 0,
    repaired integer not null default 0,
    deleted integer not null default 0,
    hidden integer not null default 0,
    unknown integer not null default 0,
    requests integer not null default 0,
    covered_to bigint not null default 0,
    listed_at timestamptz,
    held boolean not null default false
);

CREATE TABLE reconciliation_finding (
    id bigserial primary key,
    run bigint not null,
    clio_id bigint not null,
    kind varchar(8) not null,
    seen_at timestamptz not null,
    CONSTRAINT reconciliation_finding_run_clio_id UNIQUE (run, clio_id)
);

ALTER TABLE sync_run ADD COLUMN confirm_disappeared boolean not null default false;

CREATE INDEX reconciliation_report_firm ON reconciliation_report (firm, id);
-- When a resource of a firm was last reconciled, among thousands of incremental runs.
CREATE INDEX sync_run_reconcile ON sync_run (firm, resource, id) WHERE kind = 'reconcile';
