"""Matters: the cases a firm works on for a client."""
