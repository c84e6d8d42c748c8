"""Sync runs: backfill and incremental, resumable within one page."""
