-- Generated with the table by `clio-service plugins new`. Once applied, it stays as it is.
CREATE TABLE tasks_task (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    "completed_at" timestamptz,
    "description" text,
    "due_at" date,
    "name" text,
    "priority" text,
    "status" text,
    "statute_of_limitations" boolean,
    "time_estimated" integer,
    "matter_clio_id" bigint,
    CONSTRAINT tasks_task_firm_clio_id UNIQUE (firm, clio_id)
);

CREATE INDEX tasks_task_matter_clio_id ON tasks_task (firm, matter_clio_id, clio_id);
