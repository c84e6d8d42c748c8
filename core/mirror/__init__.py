"""Writing what Clio said into the mirror: newer-only, once, with the change recorded in the same statement."""
