DROP INDEX webhook_delivery_received;
DROP INDEX webhook_delivery_dead;
DROP INDEX webhook_delivery_settled;
DROP INDEX webhook_delivery_record_open;
CREATE INDEX webhook_delivery_open ON webhook_delivery (not_before_at, id) WHERE status IN ('received', 'processing', 'failed');
DROP INDEX webhook_delivery_due;
ALTER TABLE webhook_delivery DROP COLUMN lapses, DROP COLUMN replayed_at, DROP COLUMN replays;
