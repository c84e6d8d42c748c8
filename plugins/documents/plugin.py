"""Documents, their versions, and the folders they are in."""

requires: tuple[str, ...] = ("contacts", "matters", "users")
