ALTER TABLE oauth_token
    ADD COLUMN rights jsonb,
    ADD COLUMN rights_at timestamptz;

CREATE TABLE oauth_revocation (
    id bigserial primary key,
    firm bigint not null,
    region varchar(2) not null,
    access_token bytea not null,
    expires_at timestamptz not null,
    not_before_at timestamptz not null default now()
);

CREATE TABLE access_finding (
    id bigserial primary key,
    firm bigint not null,
    resource varchar(64),
    kind varchar(16) not null,
    found_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    resolved_at timestamptz,
    details jsonb not null default '{}'
);

CREATE UNIQUE INDEX access_finding_open ON access_finding (firm, kind, coalesce(resource, '')) WHERE resolved_at IS NULL;
CREATE INDEX access_finding_firm ON access_finding (firm, id);
