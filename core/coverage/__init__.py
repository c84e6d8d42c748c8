"""The coverage ledger: when nothing can have changed at Clio unseen, where there are holes, and their repair."""
