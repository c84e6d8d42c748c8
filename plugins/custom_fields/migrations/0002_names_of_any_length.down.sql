DROP INDEX custom_fields_value_unnamed;
CREATE INDEX custom_fields_value_unnamed ON custom_fields_value (firm, field_name) WHERE custom_field_clio_id IS NULL;
