"""The mock's own interface under /__mock__/: not part of Clio."""
