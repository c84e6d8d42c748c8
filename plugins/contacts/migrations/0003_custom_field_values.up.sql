ALTER TABLE contacts_contact ADD COLUMN custom_field_values jsonb;
SELECT custom_fields_attach('contacts_contact', 'Contact');
