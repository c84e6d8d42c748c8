"""The test kit for plugins: real servers on loopback, a mock Clio, and the contract every resource is held to.

Needs the extra `testing`; nothing else in the service imports it. See docs/plugins/testing.md.
"""
