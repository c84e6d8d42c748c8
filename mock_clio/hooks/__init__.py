"""Webhooks: subscriptions, the handshake, deliveries with retries."""
