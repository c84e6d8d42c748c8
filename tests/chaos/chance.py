"""Chance that a seed decides."""

import random


def chance(seed: int, what: str) -> random.Random:
    """Return a generator of its own for one actor, so that none moves what the others draw."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - a storm is no secret
