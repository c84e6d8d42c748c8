"""The only code that calls Clio: OAuth, the client, the request budget, webhook subscriptions, regions."""
