"""What became of webhook deliveries, counted in Redis by every process and counted anew from the raw log if lost."""
