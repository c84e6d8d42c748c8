"""What makes the history of changes one that can be shown: sealed, verified, exported, kept, held and purged."""
