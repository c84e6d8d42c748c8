"""Activities: time entries and expenses."""

requires: tuple[str, ...] = ("contacts", "matters", "users")
