CREATE TABLE coverage_interval (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    basis varchar(16) not null,
    from_at timestamptz,
    until_at timestamptz not null,
    is_open boolean not null default false,
    proofs integer not null default 1,
    endpoint bigint,
    run bigint
);

CREATE TABLE coverage_hole (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    from_at timestamptz not null,
    until_at timestamptz not null,
    reason varchar(64) not null,
    found_at timestamptz not null default now(),
    run bigint,
    swept_at timestamptz,
    reconciliation bigint,
    closed_at timestamptz,
    CONSTRAINT coverage_hole_firm_resource_from_at UNIQUE (firm, resource, from_at)
);

CREATE TABLE intake (
    id bigserial primary key,
    seen_at timestamptz not null default now()
);

ALTER TABLE webhook_endpoint
    ADD COLUMN silent_at timestamptz,
    ADD COLUMN refusals integer not null default 0,
    ADD COLUMN error_message text;

CREATE INDEX coverage_interval_firm ON coverage_interval (firm, resource, basis, until_at);
CREATE INDEX coverage_interval_open ON coverage_interval (endpoint) WHERE is_open;
CREATE INDEX coverage_hole_open ON coverage_hole (firm, resource) WHERE closed_at IS NULL;
-- All that Clio changed before a cursor is in the mirror: what the service sleeps through from there on is a hole.
INSERT INTO coverage_interval (firm, resource, basis, until_at)
SELECT firm, resource, 'backfill', high_water_at FROM sync_cursor WHERE backfilled_at IS NOT NULL;
