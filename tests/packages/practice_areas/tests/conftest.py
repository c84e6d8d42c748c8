"""Fixtures of the contract: real servers and a mock Clio."""

pytest_plugins = ["core.testing.fixtures"]
