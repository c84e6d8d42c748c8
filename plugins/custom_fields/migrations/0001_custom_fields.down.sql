DROP FUNCTION custom_fields_detach(regclass, text);
DROP FUNCTION custom_fields_attach(regclass, text);
DROP TABLE custom_fields_value;
DROP TABLE custom_fields_custom_field_set;
DROP TABLE custom_fields_custom_field;
DROP FUNCTION custom_fields_name_values();
DROP FUNCTION custom_fields_project();
DROP FUNCTION custom_fields_values(bigint, text, jsonb);
DROP FUNCTION custom_fields_definition(bigint, text, text, text);
