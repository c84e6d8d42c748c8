"""Measurements: repeatable, and always against something in the same run."""
