DROP INDEX change_polled;
DROP INDEX webhook_delivery_endpoint;
ALTER TABLE webhook_endpoint DROP COLUMN enabled_at;
