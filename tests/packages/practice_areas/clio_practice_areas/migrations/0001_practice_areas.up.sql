CREATE TABLE practice_areas_practice_area (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    name text,
    code text,
    CONSTRAINT practice_areas_practice_area_firm_clio_id UNIQUE (firm, clio_id)
);
