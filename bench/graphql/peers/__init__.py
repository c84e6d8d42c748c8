"""The other servers, each started in a process of its own with DATABASE_URL and PORT in its environment."""
