"""A web page that shows a firm's mirror; a client of the public GraphQL API, and of nothing else."""
