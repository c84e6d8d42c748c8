"""Embedded PostgreSQL and Redis: started, supervised and ended with the process that asked for them. POSIX only."""
