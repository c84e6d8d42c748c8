"""What the invented firm keeps within its matters: related people, limitation dates, rates, money in its accounts."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mock_clio.records import matter_parts
from mock_clio.store.rows import Row, Store

ACCOUNTS = ((4_120_331, "Operating account", "Operating"), (4_120_332, "Client trust account", "Trust"))
"""Id, name and type of the firm's bank accounts."""
_ROLES = ("Opposing counsel", "Judge", "Witness", "Expert", "Guarantor")
_RELATED_SHARE = 0.4
_LIMITED_SHARE = 0.25
_RATED_SHARE = 0.3
_FUNDED_SHARE = 0.5


def seed_matter_parts(store: Store, rng: random.Random, now: int, zone: ZoneInfo) -> None:
    """Give some matters some of each; a client's balances are the sums of its matters'."""
    users = list(store["User"])
    for matter in store["Matter"]:
        if rng.random() < _RELATED_SHARE:
            for _ in range(rng.randint(1, 2)):
                row = matter_parts.relationship(store, matter["created_at"])
                row.update(contact_id=rng.choice(store["Contact"].ids), description=rng.choice(_ROLES))
                matter["relationships"].append(row)
        if rng.random() < _LIMITED_SHARE:
            day = datetime.fromtimestamp(now, zone).date() + timedelta(days=rng.randrange(-300, 700))
            task = matter_parts.limitation(store, matter["created_at"])
            matter["statute_of_limitations"] = {**task, "due_at": day.isoformat()}
        if rng.random() < _RATED_SHARE:
            row = matter_parts.custom_rate(store, matter["created_at"])
            share = matter["billing_method"] == "contingency"
            row.update(user_id=rng.choice(users)["id"], rate=float(rng.randrange(10, 40) if share else 300))
            matter["custom_rates"].append(row)
        if rng.random() < _FUNDED_SHARE:
            _fund(store, rng, matter)


def _fund(store: Store, rng: random.Random, matter: Row) -> None:
    client = store["Contact"].rows[matter["client_id"]]
    for account_id, name, kind in ACCOUNTS:
        cents = rng.randrange(2_000_000)
        account = {"id": account_id, "name": name, "type": kind, "currency_id": store.currency["id"]}
        matter["account_balances"].append({**account, "balance": cents / 100})
        held = next((row for row in client["account_balances"] if row["id"] == account_id), None)
        if held is None:
            client["account_balances"].append({**account, "balance": cents / 100})
        else:
            held["balance"] = round(held["balance"] + cents / 100, 2)
