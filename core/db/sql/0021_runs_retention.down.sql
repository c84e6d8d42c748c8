DROP INDEX sync_run_polled_until;
