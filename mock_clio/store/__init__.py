"""The mock's memory: rows, how `fields=` selects from them, and how they change."""
