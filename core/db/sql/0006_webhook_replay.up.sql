ALTER TABLE webhook_delivery
    ADD COLUMN replays integer NOT NULL DEFAULT 0,
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN lapses integer NOT NULL DEFAULT 0;
-- Claims go by firm, so that one firm's backlog holds up no other; and take all that is open about a record.
CREATE INDEX webhook_delivery_due ON webhook_delivery (firm, not_before_at, id)
    WHERE status IN ('received', 'processing', 'failed');
DROP INDEX webhook_delivery_open;
CREATE INDEX webhook_delivery_record_open ON webhook_delivery (firm, resource, record_clio_id)
    WHERE status IN ('received', 'processing', 'failed');
-- Searching and clean-up: neither is touched while a delivery is taken in.
CREATE INDEX webhook_delivery_settled ON webhook_delivery (status, processed_at, id) WHERE status IN ('processed', 'dead');
CREATE INDEX webhook_delivery_dead ON webhook_delivery (firm, id) WHERE status = 'dead';
CREATE INDEX webhook_delivery_received ON webhook_delivery USING brin (received_at) WITH (autosummarize = on);
