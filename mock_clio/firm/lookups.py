"""Account, users, groups, practice areas and stages: the small tables that matters refer to."""

import random

from mock_clio.firm.names import Pools
from mock_clio.settings import MockSettings
from mock_clio.store.rows import Row, Store
from mock_clio.tables.users import USER

YEAR = 365 * 86_400
PRACTICE_AREAS = (
    ("Civil Litigation", "civil_litigation", "CIV"),
    ("Corporate", "corporate_litigation", "COR"),
    ("Employment", "employment_and_labor", "EMP"),
    ("Family", "family", "FAM"),
    ("Immigration", "immigration", "IMM"),
    ("Real Estate", "real_estate", "RE"),
    ("Wills and Estates", "wills_and_estates", "WE"),
)
STAGES = ("Intake", "Discovery", "Negotiation", "Closing")
_DISABLED_SHARE = 0.1


def seed_account(store: Store, settings: MockSettings, now: int) -> None:
    """The account and its currency."""
    created = now - 5 * YEAR
    store.account = {
        "id": store.next_id("Account"),
        "name": settings.firm_name,
        "address": "400 Burrard Street",
        "city": "Vancouver",
        "province": "BC",
        "state": None,
        "postal_code": "V6C 3A6",
        "country": "Canada",
        "phone": "+1 604 555 0100",
        "fax": None,
        "created_at": created,
        "updated_at": created,
    }
    store.currency = {
        "id": store.next_id("Currency"),
        "code": "CAD",
        "sign": "$",
        "created_at": created,
        "updated_at": created,
    }


def seed_users(store: Store, settings: MockSettings, pools: Pools, rng: random.Random, now: int) -> None:
    """Users, the first of them the account owner, and the groups that every account has."""
    for number in range(max(1, settings.users)):
        store["User"].put(_user(store, settings, pools, rng, now, number))
    everyone = list(store["User"])
    _group(store, settings.firm_name, "AccountGroup", everyone, now)
    for user in everyone:
        _group(store, user["name"], "UserGroup", [user], now)


def _user(store: Store, settings: MockSettings, pools: Pools, rng: random.Random, now: int, number: int) -> Row:
    first, last = rng.choice(pools.first), rng.choice(pools.last)
    attorney = number == 0 or rng.random() < 0.6
    created = now - rng.randrange(YEAR, 5 * YEAR)
    row: Row = dict.fromkeys(USER.fields)
    row.update(
        id=store["User"].next_id(),
        name=f"{first} {last}",
        first_name=first,
        last_name=last,
        initials=first[0] + last[0],
        email=f"user{number + 1}@example.com",
        enabled=number == 0 or rng.random() >= _DISABLED_SHARE,
        account_owner=number == 0,
        clio_connect=False,
        court_rules_default_attendee=False,
        default_calendar_id=9_084_638 + number,
        locale="en",
        rate=float(rng.randrange(150, 600, 25)) if attorney else 120.0,
        roles=["admin", "billing"] if number == 0 else [],
        subscription_type="Attorney" if attorney else "NonAttorney",
        time_zone=settings.time_zone,
        type="ManageUser",
        created_at=created,
        updated_at=rng.randrange(created, now),
        account=store.account,
        groups=[],
    )
    return row


def _group(store: Store, name: str, kind: str, users: list[Row], now: int) -> None:
    group = {
        "id": store["Group"].next_id(),
        "name": name,
        "type": kind,
        "client_connect_user": False,
        "users": users,
        "created_at": now - 5 * YEAR,
        "updated_at": now - YEAR,
    }
    store["Group"].put(group)
    for user in users:
        user["groups"].append(group)


def seed_practice(store: Store, now: int) -> None:
    """Practice areas and the stages of each."""
    created = now - 4 * YEAR
    for name, category, code in PRACTICE_AREAS:
        area_id = store["PracticeArea"].next_id()
        area = {"id": area_id, "name": name, "category": category, "code": code}
        store["PracticeArea"].put({**area, "created_at": created, "updated_at": created})
        for order, stage in enumerate(STAGES, 1):
            row = {"id": store["MatterStage"].next_id(), "name": stage, "order": order}
            stamps = {"created_at": created, "updated_at": created}
            store["MatterStage"].put({**row, **stamps, "practice_area_id": str(area_id)})
