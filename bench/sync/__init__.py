"""Whole syncs beside other ways to bring the same pages into the same PostgreSQL; see `command`."""
