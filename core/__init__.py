"""The ground floor: knows Clio, PostgreSQL, Redis and the hooks; knows no resource and no GraphQL."""
