"""One package per Clio resource."""
