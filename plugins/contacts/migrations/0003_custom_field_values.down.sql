SELECT custom_fields_detach('contacts_contact', 'Contact');
ALTER TABLE contacts_contact DROP COLUMN custom_field_values;
