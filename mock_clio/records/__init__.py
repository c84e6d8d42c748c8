"""What writing a record means, and the one path by which records change."""
