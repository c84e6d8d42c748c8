CREATE OR REPLACE FUNCTION custom_fields_name_values() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP INDEX custom_fields_value_unnamed;
CREATE INDEX custom_fields_value_unnamed ON custom_fields_value (firm, field_name) WHERE custom_field_clio_id IS NULL;
