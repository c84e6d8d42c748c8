"""The mirror with many rows and many firms: filled by SQL, measured through what the service runs; see `command`."""
