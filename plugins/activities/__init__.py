"""Activities: time entries and expenses."""
