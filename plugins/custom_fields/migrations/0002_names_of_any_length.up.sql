-- A name may be longer than an entry of a B-tree may be: its beginning finds it. A hash index would hold any name, and
-- take ever longer to write to the more values share one.
DROP INDEX custom_fields_value_unnamed;
CREATE INDEX custom_fields_value_unnamed ON custom_fields_value (firm, left(field_name, 200)) WHERE custom_field_clio_id IS NULL;

CREATE OR REPLACE FUNCTION custom_fields_name_values() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custom_fields_value AS stored
    SET custom_field_clio_id = custom_fields_definition(stored.firm, stored.parent_type, stored.field_type, stored.field_name),
        by_name = true
    FROM changed
    WHERE stored.custom_field_clio_id IS NULL AND stored.firm = changed.firm
      AND left(stored.field_name, 200) = left(changed.name, 200) AND stored.field_name = changed.name
      AND custom_fields_definition(stored.firm, stored.parent_type, stored.field_type, stored.field_name) IS NOT NULL;
    RETURN NULL;
END
$$;
