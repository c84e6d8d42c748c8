"""Sync runs: backfill, incremental and reconcile, resumable within one page."""
