CREATE TABLE custom_fields_custom_field (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    name text,
    parent_type text,
    field_type text,
    displayed boolean,
    required boolean,
    deleted boolean,
    display_order integer,
    picklist_options jsonb,
    CONSTRAINT custom_fields_custom_field_firm_clio_id UNIQUE (firm, clio_id)
);

CREATE TABLE custom_fields_custom_field_set (
    id bigserial primary key,
    firm bigint not null,
    clio_id bigint not null,
    etag varchar,
    clio_created_at timestamptz,
    clio_updated_at timestamptz,
    presence varchar(10) not null default 'present',
    seen_at timestamptz not null,
    name text,
    parent_type text,
    displayed boolean,
    custom_field_clio_ids bigint[],
    CONSTRAINT custom_fields_custom_field_set_firm_clio_id UNIQUE (firm, clio_id)
);
CREATE INDEX custom_fields_set_fields ON custom_fields_custom_field_set USING gin (custom_field_clio_ids);

-- A projection of the column custom_field_values of every table that has one, kept by triggers in the statement that
-- writes the record, whoever writes it. It can be built anew from there at any time.
CREATE TABLE custom_fields_value (
    id bigserial primary key,
    firm bigint not null,
    parent_type text not null,
    parent_clio_id bigint not null,
    place integer not null,
    value_id text,
    field_name text,
    field_type text,
    custom_field_clio_id bigint,
    by_name boolean not null default false,
    soft_deleted boolean,
    text text,
    number numeric,
    date date,
    time time,
    checked boolean,
    reference bigint,
    CONSTRAINT custom_fields_value_place UNIQUE (firm, parent_type, parent_clio_id, place)
);
CREATE INDEX custom_fields_value_number ON custom_fields_value (firm, custom_field_clio_id, number) WHERE number IS NOT NULL;
CREATE INDEX custom_fields_value_date ON custom_fields_value (firm, custom_field_clio_id, date) WHERE date IS NOT NULL;
CREATE INDEX custom_fields_value_reference ON custom_fields_value (firm, custom_field_clio_id, reference) WHERE reference IS NOT NULL;
CREATE INDEX custom_fields_value_parent ON custom_fields_value (firm, custom_field_clio_id, parent_type, parent_clio_id);
CREATE INDEX custom_fields_value_unnamed ON custom_fields_value (firm, field_name) WHERE custom_field_clio_id IS NULL;

-- Clio redacts the definition of a value where the application may not read custom fields. Type, parent and name then
-- tell which it is, and by_name says that they did.
CREATE FUNCTION custom_fields_definition(of_firm bigint, of_parent text, of_type text, of_name text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT min(clio_id) FROM custom_fields_custom_field
    WHERE firm = of_firm AND parent_type = of_parent AND field_type = of_type AND name = of_name
    HAVING count(*) = 1
$$;

CREATE FUNCTION custom_fields_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM custom_fields_value AS stored
        USING changed JOIN previous USING (id)
        WHERE stored.firm = changed.firm AND stored.parent_type = TG_ARGV[0] AND stored.parent_clio_id = changed.clio_id
          AND changed.custom_field_values IS DISTINCT FROM previous.custom_field_values;
        INSERT INTO custom_fields_value (firm, parent_type, parent_clio_id, place, value_id, field_name, field_type,
            custom_field_clio_id, by_name, soft_deleted, text, number, date, time, checked, reference)
        SELECT changed.firm, TG_ARGV[0], changed.clio_id, kept.*
        FROM changed JOIN previous USING (id),
        LATERAL custom_fields_values(changed.firm, TG_ARGV[0], changed.custom_field_values) AS kept
        WHERE changed.custom_field_values IS DISTINCT FROM previous.custom_field_values;
    ELSE
        INSERT INTO custom_fields_value (firm, parent_type, parent_clio_id, place, value_id, field_name, field_type,
            custom_field_clio_id, by_name, soft_deleted, text, number, date, time, checked, reference)
        SELECT changed.firm, TG_ARGV[0], changed.clio_id, kept.*
        FROM changed, LATERAL custom_fields_values(changed.firm, TG_ARGV[0], changed.custom_field_values) AS kept;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION custom_fields_values(of_firm bigint, of_parent text, given jsonb) RETURNS TABLE (
    place integer, value_id text, field_name text, field_type text, custom_field_clio_id bigint, by_name boolean,
    soft_deleted boolean, text text, number numeric, date date, "time" time, checked boolean, reference bigint
) LANGUAGE sql STABLE AS $$
    SELECT item.place::integer, kept.id, kept.field_name, kept.field_type,
           coalesce(kept.custom_field_clio_id, named.clio_id), named.clio_id IS NOT NULL, kept.soft_deleted,
           kept.text, kept.number, kept.date, kept."time", kept.checked, kept.reference
    FROM jsonb_array_elements(given) WITH ORDINALITY AS item (kept, place),
    LATERAL jsonb_to_record(item.kept) AS kept (id text, field_name text, field_type text,
        custom_field_clio_id bigint, soft_deleted boolean, text text, number numeric, date date, "time" time,
        checked boolean, reference bigint),
    LATERAL (
        SELECT CASE WHEN kept.custom_field_clio_id IS NULL
            THEN custom_fields_definition(of_firm, of_parent, kept.field_type, kept.field_name) END AS clio_id
    ) AS named
$$;

CREATE FUNCTION custom_fields_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM custom_fields_value WHERE parent_type = TG_ARGV[0];
    ELSE
        DELETE FROM custom_fields_value AS stored USING gone
        WHERE stored.firm = gone.firm AND stored.parent_type = TG_ARGV[0] AND stored.parent_clio_id = gone.clio_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION custom_fields_name_values() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custom_fields_value AS stored
    SET custom_field_clio_id = custom_fields_definition(stored.firm, stored.parent_type, stored.field_type, stored.field_name),
        by_name = true
    FROM changed
    WHERE stored.custom_field_clio_id IS NULL AND stored.firm = changed.firm AND stored.field_name = changed.name
      AND custom_fields_definition(stored.firm, stored.parent_type, stored.field_type, stored.field_name) IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER custom_fields_definition_inserted AFTER INSERT ON custom_fields_custom_field
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_name_values();
CREATE TRIGGER custom_fields_definition_updated AFTER UPDATE ON custom_fields_custom_field
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_name_values();

-- For the migration of a table that has a column custom_field_values: keeps its values here from then on.
CREATE FUNCTION custom_fields_attach(parent_table regclass, parent text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER custom_field_values_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
        'FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_project(%L)', parent_table, parent);
    EXECUTE format('CREATE TRIGGER custom_field_values_updated AFTER UPDATE ON %s REFERENCING OLD TABLE AS previous '
        'NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_project(%L)', parent_table, parent);
    EXECUTE format('CREATE TRIGGER custom_field_values_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS gone '
        'FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_forget(%L)', parent_table, parent);
    EXECUTE format('CREATE TRIGGER custom_field_values_truncated AFTER TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION custom_fields_forget(%L)', parent_table, parent);
END
$$;
CREATE FUNCTION custom_fields_detach(parent_table regclass, parent text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TRIGGER custom_field_values_inserted ON %s', parent_table);
    EXECUTE format('DROP TRIGGER custom_field_values_updated ON %s', parent_table);
    EXECUTE format('DROP TRIGGER custom_field_values_deleted ON %s', parent_table);
    EXECUTE format('DROP TRIGGER custom_field_values_truncated ON %s', parent_table);
    DELETE FROM custom_fields_value WHERE parent_type = parent;
END
$$;
