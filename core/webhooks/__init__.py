"""Webhooks in: subscriptions, the receiver, the inbox and its processing."""
