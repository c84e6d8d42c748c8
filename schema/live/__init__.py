"""Live updates: one reading of what moved for all who watch it, executed once for all who ask the same."""
