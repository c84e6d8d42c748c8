"""Reading the mirror: filters, order, pages and edges as SQL, batched per request."""
