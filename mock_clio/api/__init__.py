"""Clio's REST interface: requests in, answers out."""
