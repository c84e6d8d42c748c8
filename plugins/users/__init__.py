"""Users: the people who work at the firm."""
