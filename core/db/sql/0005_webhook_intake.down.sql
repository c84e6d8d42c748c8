ALTER TABLE webhook_delivery DROP CONSTRAINT webhook_delivery_endpoint_digest;
DELETE FROM webhook_delivery AS older
USING webhook_delivery AS newer
WHERE (older.endpoint, older.digest) = (newer.endpoint, newer.digest) AND older.copy < newer.copy;
ALTER TABLE webhook_delivery DROP COLUMN headers;
ALTER TABLE webhook_delivery DROP COLUMN copy;
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_endpoint_digest UNIQUE (endpoint, digest);
