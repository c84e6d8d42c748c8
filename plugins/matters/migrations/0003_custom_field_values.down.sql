SELECT custom_fields_detach('matters_matter', 'Matter');
ALTER TABLE matters_matter DROP COLUMN custom_field_values;
