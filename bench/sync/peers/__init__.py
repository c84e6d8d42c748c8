"""The ways that are compared, each a process of its own: it waits for a line, makes one pass, and tells about it."""
