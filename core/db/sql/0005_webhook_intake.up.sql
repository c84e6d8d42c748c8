ALTER TABLE webhook_delivery ADD COLUMN copy integer NOT NULL DEFAULT 0;
ALTER TABLE webhook_delivery ADD COLUMN headers jsonb NOT NULL DEFAULT '{}';
ALTER TABLE webhook_delivery DROP CONSTRAINT webhook_delivery_endpoint_digest;
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_endpoint_digest UNIQUE (endpoint, digest, copy);
