"""Custom fields: their definitions, sets, and values on contacts and matters."""

requires: tuple[str, ...] = ("contacts", "matters", "users")
