"""A stand-in for the Clio Manage API v4 on loopback: stateful, seeded, scriptable, importing nothing of the service."""
