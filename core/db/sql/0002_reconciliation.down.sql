DROP INDEX sync_run_reconcile;
ALTER TABLE sync_run DROP COLUMN confirm_disappeared;
DROP TABLE reconciliation_finding, reconciliation_report;
