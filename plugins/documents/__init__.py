"""Documents, their versions, and the folders they are in."""
