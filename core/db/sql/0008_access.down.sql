DROP TABLE access_finding, oauth_revocation;
ALTER TABLE oauth_token DROP COLUMN rights_at, DROP COLUMN rights;
