"""arq behind one small interface: it wakes workers, and holds no truth."""
