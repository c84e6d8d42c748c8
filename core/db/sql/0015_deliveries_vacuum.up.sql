-- Vacuumed after a fiftieth of the table has changed instead of a fifth: retention goes on all day, a little at a time.
ALTER TABLE webhook_delivery SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02
);
