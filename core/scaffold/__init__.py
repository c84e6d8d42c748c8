"""Writing a new plugin's package, from nothing or from Clio's OpenAPI file."""
