"""Who may see what: bearer tokens, scopes and firm isolation."""
