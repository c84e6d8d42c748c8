CREATE TABLE firm (
    id bigserial primary key,
    region varchar(2) not null,
    clio_account_id bigint not null,
    name text not null,
    state varchar(16) not null default 'connected',
    created_at timestamptz not null default now(),
    CONSTRAINT firm_region_account UNIQUE (region, clio_account_id)
);

CREATE TABLE oauth_state (
    id bigserial primary key,
    state varchar(64) unique not null,
    region varchar(2) not null,
    created_at timestamptz not null default now()
);

CREATE TABLE oauth_token (
    id bigserial primary key,
    firm bigint unique not null,
    access_token bytea not null,
    refresh_token bytea not null,
    expires_at timestamptz not null,
    clio_user_id bigint not null,
    version integer not null default 1,
    refreshed_at timestamptz not null default now()
);

CREATE TABLE sync_run (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    kind varchar(16) not null,
    state varchar(16) not null default 'queued',
    next_url text,
    since_at timestamptz,
    high_water_at timestamptz,
    pages integer not null default 0,
    records_total integer,
    records_seen integer not null default 0,
    records_created integer not null default 0,
    records_updated integer not null default 0,
    attempt integer not null default 0,
    failures integer not null default 0,
    lease_owner varchar(64),
    lease_until timestamptz,
    not_before_at timestamptz not null default now(),
    cancel_requested boolean not null default false,
    error_code varchar(64),
    error_message text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz
);

CREATE TABLE sync_cursor (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    high_water_at timestamptz not null,
    backfilled_at timestamptz,
    CONSTRAINT sync_cursor_firm_resource UNIQUE (firm, resource)
);

CREATE TABLE change (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    clio_id bigint not null,
    operation varchar(16) not null,
    seen_at timestamptz not null,
    committed_in xid8 not null default pg_current_xact_id(),
    source varchar(16) not null,
    etag text,
    before jsonb,
    after jsonb
);

CREATE TABLE webhook_endpoint (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64) not null,
    model varchar(64) not null,
    endpoint_key varchar(64) unique not null,
    clio_webhook_id bigint,
    state varchar(16) not null default 'creating',
    secret bytea,
    offered_secret bytea,
    events jsonb not null default '[]',
    fields text not null,
    expires_at timestamptz,
    error_code varchar(64),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

CREATE TABLE webhook_delivery (
    id bigserial primary key,
    firm bigint not null,
    endpoint bigint not null,
    resource varchar(64) not null,
    model varchar(64) not null,
    event varchar(32) not null,
    record_clio_id bigint,
    digest bytea not null,
    body bytea not null,
    status varchar(16) not null default 'received',
    outcome varchar(16),
    receipts integer not null default 1,
    attempts integer not null default 0,
    not_before_at timestamptz not null default now(),
    lease_until timestamptz,
    error_code varchar(64),
    error_message text,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    CONSTRAINT webhook_delivery_endpoint_digest UNIQUE (endpoint, digest)
);

-- A resource of a firm has one run at a time, whoever asks.
CREATE UNIQUE INDEX sync_run_active ON sync_run (firm, resource) WHERE state IN ('queued', 'running');
CREATE INDEX sync_run_firm ON sync_run (firm, id);
CREATE INDEX change_record ON change (firm, resource, clio_id, id);
CREATE INDEX change_firm ON change (firm, id);
CREATE INDEX webhook_endpoint_firm ON webhook_endpoint (firm, id);
CREATE INDEX webhook_delivery_firm ON webhook_delivery (firm, id);
CREATE INDEX webhook_delivery_open ON webhook_delivery (not_before_at, id) WHERE status IN ('received', 'processing', 'failed');
CREATE INDEX webhook_delivery_record ON webhook_delivery (firm, resource, record_clio_id);
