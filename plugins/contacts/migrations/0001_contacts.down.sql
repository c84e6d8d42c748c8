DROP TABLE contacts_contact;
