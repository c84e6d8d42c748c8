-- A name may be longer than a row of a B-tree: a hash index keeps none of it.
DROP INDEX custom_fields_value_unnamed;
CREATE INDEX custom_fields_value_unnamed ON custom_fields_value USING hash (field_name) WHERE custom_field_clio_id IS NULL;
