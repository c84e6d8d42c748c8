ALTER TABLE matters_matter ADD COLUMN custom_field_values jsonb;
SELECT custom_fields_attach('matters_matter', 'Matter');
