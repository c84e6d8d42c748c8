"""PostgreSQL: the engine, the tables core owns, migrations behind a lock, encryption at rest."""
