ALTER TABLE webhook_endpoint ADD COLUMN enabled_at timestamptz;
UPDATE webhook_endpoint SET enabled_at = now() WHERE state = 'enabled';
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (endpoint, received_at);
CREATE INDEX change_polled ON change (firm, resource, seen_at) WHERE source = 'incremental';
