"""Clio's OAuth 2.0: applications, grants, the pages and the token endpoint."""
