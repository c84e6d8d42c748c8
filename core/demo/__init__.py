"""`make demo`: the whole service against the mock Clio, started and stopped as one."""
