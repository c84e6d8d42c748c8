"""The receivers that ours is measured against."""
