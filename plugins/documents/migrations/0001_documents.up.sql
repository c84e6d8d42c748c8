CREATE TABLE documents_folder (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    name text,
    locked boolean,
    deleted_at timestamptz,
    parent_clio_id bigint,
    matter_clio_id bigint,
    contact_clio_id bigint,
    creator_clio_id bigint,
    creator_name text,
    creator_type text,
    document_category_clio_id bigint,
    document_category_name text,
    group_clio_id bigint,
    group_name text,
    external_properties jsonb,
    root boolean,
    CONSTRAINT documents_folder_firm_clio_id UNIQUE (firm, clio_id)
);
CREATE INDEX documents_folder_parent_clio_id ON documents_folder (firm, parent_clio_id, clio_id);
CREATE INDEX documents_folder_matter_clio_id ON documents_folder (firm, matter_clio_id, clio_id);
CREATE INDEX documents_folder_contact_clio_id ON documents_folder (firm, contact_clio_id, clio_id);
CREATE INDEX documents_folder_creator_clio_id ON documents_folder (firm, creator_clio_id, clio_id);

CREATE TABLE documents_document (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    name text,
    locked boolean,
    deleted_at timestamptz,
    parent_clio_id bigint,
    matter_clio_id bigint,
    contact_clio_id bigint,
    creator_clio_id bigint,
    creator_name text,
    creator_type text,
    document_category_clio_id bigint,
    document_category_name text,
    group_clio_id bigint,
    group_name text,
    external_properties jsonb,
    filename text,
    content_type text,
    size bigint,
    received_at timestamptz,
    latest_version_clio_id bigint,
    latest_version_number integer,
    CONSTRAINT documents_document_firm_clio_id UNIQUE (firm, clio_id)
);
CREATE INDEX documents_document_parent_clio_id ON documents_document (firm, parent_clio_id, clio_id);
CREATE INDEX documents_document_matter_clio_id ON documents_document (firm, matter_clio_id, clio_id);
CREATE INDEX documents_document_contact_clio_id ON documents_document (firm, contact_clio_id, clio_id);
CREATE INDEX documents_document_creator_clio_id ON documents_document (firm, creator_clio_id, clio_id);

CREATE TABLE documents_version (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    uuid text,
    document_clio_id bigint,
    version_number integer,
    filename text,
    size bigint,
    content_type text,
    fully_uploaded boolean,
    received_at timestamptz,
    creator_clio_id bigint,
    CONSTRAINT documents_version_firm_clio_id UNIQUE (firm, clio_id)
);
CREATE INDEX documents_version_document_clio_id ON documents_version (firm, document_clio_id, clio_id);
CREATE INDEX documents_version_creator_clio_id ON documents_version (firm, creator_clio_id, clio_id);
