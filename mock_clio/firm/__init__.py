"""The invented firm: its first state, and edits that keep coming."""
