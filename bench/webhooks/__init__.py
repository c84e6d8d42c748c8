"""The receiver beside others that take deliveries: acknowledgements a second, and how late they come."""
