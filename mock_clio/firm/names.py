"""Pools of invented names and places, drawn once so that a firm of any size is quick to make."""

import random
import re
from dataclasses import dataclass
from functools import lru_cache

from faker import Faker

_POOL = 400


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address lies."""

    street: str
    city: str
    province: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Pools:
    """Parts from which people, companies and places are put together."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    companies: tuple[str, ...]
    jobs: tuple[str, ...]
    places: tuple[Place, ...]
    affairs: tuple[str, ...]


_AFFAIRS = (
    "Lease dispute",
    "Share purchase",
    "Estate of",
    "Wrongful dismissal",
    "Motor vehicle accident",
    "Boundary dispute",
    "Incorporation",
    "Will and powers of attorney",
    "Separation agreement",
    "Trademark application",
    "Debt recovery",
    "Work permit",
    "Construction lien",
    "Appeal of assessment",
)


@lru_cache(maxsize=8)
def draw_pools(seed: int) -> Pools:
    """The pools of a seed; the same seed gives the same pools."""
    fake = Faker("en_CA")
    fake.seed_instance(seed)
    return Pools(
        first=tuple(fake.first_name() for _ in range(_POOL)),
        last=tuple(fake.last_name() for _ in range(_POOL)),
        companies=tuple(fake.company() for _ in range(_POOL)),
        jobs=tuple(fake.job() for _ in range(_POOL // 4)),
        places=tuple(
            Place(fake.street_address(), fake.city(), fake.province_abbr(), fake.postcode()) for _ in range(_POOL)
        ),
        affairs=_AFFAIRS,
    )


def email_of(rng: random.Random, first: str, last: str, number: int) -> str:
    """An address under example.com, which belongs to nobody."""
    local = re.sub(r"[^a-z0-9.]", "", f"{first}.{last}".lower())
    return f"{local}{number % 1000 if rng.random() < 0.5 else ''}@example.com"


def phone_of(rng: random.Random) -> str:
    """A number from the block set aside for fiction."""
    return f"+1 {rng.choice(('604', '778', '416', '514'))} 555 01{rng.randrange(100):02d}"
