"""Clio's resources as declarations: which fields, types, associations, filters and orders each has."""
