"""GraphQL types that belong to the service itself rather than to a Clio resource."""
