"""Checks of loaded plugins that need no database: what a plugin declares against itself, its files and Clio's spec."""
