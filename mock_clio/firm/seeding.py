"""The firm's first state: invented people, companies and matters, the same for the same seed and clock."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mock_clio.clock import Clock
from mock_clio.firm.custom_fields import seed_custom_fields
from mock_clio.firm.filing import seed_filing
from mock_clio.firm.lookups import YEAR, seed_account, seed_practice, seed_users
from mock_clio.firm.matter_parts import seed_matter_parts
from mock_clio.firm.names import Pools, draw_pools, email_of, phone_of
from mock_clio.firm.timekeeping import seed_activities
from mock_clio.records import contacts, matters
from mock_clio.records.values import ChildList
from mock_clio.settings import MockSettings
from mock_clio.store.rows import CUSTOM_STREAM, Row, Store

COMPANY_SHARE = 0.25
_STATUSES = ("Open", "Open", "Open", "Open", "Pending", "Closed", "Closed")


def seed_firm(settings: MockSettings, clock: Clock, zone: ZoneInfo) -> Store:
    """A store with as many users, contacts and matters as the settings say."""
    now = clock.seconds()
    store = Store(settings.seed)
    rng = random.Random(settings.seed)  # noqa: S311 - invented data, repeatable by design
    pools = draw_pools(settings.seed)
    seed_account(store, settings, now)
    seed_users(store, settings, pools, rng, now)
    seed_practice(store, now)
    companies: list[Row] = []
    for number in range(settings.contacts):
        row = _contact(store, pools, rng, now, number, companies)
        if row["type"] == "Company":
            companies.append(row)
        store["Contact"].put(row)
    if settings.contacts:
        _Matters(store, pools, rng, now, zone).seed(settings.matters)
    seed_filing(store, settings, now)
    own = random.Random(settings.seed + CUSTOM_STREAM)  # noqa: S311 - as above
    seed_custom_fields(store, pools, own, now)
    seed_matter_parts(store, own, now, zone)
    seed_activities(store, settings, now, zone)
    return store


def _contact(store: Store, pools: Pools, rng: random.Random, now: int, number: int, companies: list[Row]) -> Row:
    created = now - rng.randrange(30 * 86_400, 4 * YEAR)
    updated = rng.randrange(created, now)
    row = contacts.blank(store, created)
    row.update(id=store["Contact"].next_id(), updated_at=updated)
    if rng.random() < COMPANY_SHARE:
        row.update(type="Company", name=rng.choice(pools.companies))
        first, last = "office", row["name"].replace(" ", "").replace(",", "")
    else:
        first, last = rng.choice(pools.first), rng.choice(pools.last)
        _person(row, pools, rng, first, last)
        if companies and rng.random() < 0.3:
            row["company_id"] = rng.choice(companies)["id"]
    _reach(store, row, pools, rng, created, email_of(rng, first, last, number))
    contacts.derive(row)
    return row


def _person(row: Row, pools: Pools, rng: random.Random, first: str, last: str) -> None:
    row.update(type="Person", first_name=first, last_name=last)
    if rng.random() < 0.2:
        row["middle_name"] = rng.choice(pools.first)
    if rng.random() < 0.1:
        row["prefix"] = rng.choice(("Dr.", "Ms.", "Mr.", "Mx."))
    if rng.random() < 0.4:
        row["title"] = rng.choice(pools.jobs)
    if rng.random() < 0.5:
        row["date_of_birth"] = f"{rng.randrange(1940, 2006)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    row["name"] = " ".join(part for part in (row["prefix"], first, row["middle_name"], last) if part)


def _reach(store: Store, row: Row, pools: Pools, rng: random.Random, created: int, email: str) -> None:
    """E-mail addresses, telephone numbers, postal addresses and web sites."""
    if rng.random() < 0.85:
        _add(store, row, contacts.EMAILS, created, name="Work", address=email)
        if rng.random() < 0.3:
            _add(store, row, contacts.EMAILS, created, name="Home", address=f"home.{email}")
    for _ in range(rng.choice((0, 1, 1, 2))):
        _add(store, row, contacts.PHONES, created, name=rng.choice(("Work", "Mobile", "Home")), number=phone_of(rng))
    if rng.random() < 0.7:
        place = rng.choice(pools.places)
        _add(
            store,
            row,
            contacts.ADDRESSES,
            created,
            name=rng.choice(("Work", "Home", "Billing")),
            street=place.street,
            city=place.city,
            province=place.province,
            postal_code=place.postal_code,
            country="Canada",
        )
    if row["type"] == "Company" and rng.random() < 0.5:
        _add(store, row, contacts.WEB_SITES, created, name="Work", address=f"https://{row['id']}.example.com")


def _add(store: Store, row: Row, children: ChildList, created: int, **values: str) -> None:
    child = children.blank(store, created)
    child.update(values)
    row[children.name].append(child)
    children.settle(row[children.name])


class _Matters:
    """Makes matters for the contacts of a store."""

    def __init__(self, store: Store, pools: Pools, rng: random.Random, now: int, zone: ZoneInfo) -> None:
        self._store = store
        self._pools = pools
        self._rng = rng
        self._now = now
        self._zone = zone
        self._contacts = list(store["Contact"])
        self._users = list(store["User"])
        self._areas = list(store["PracticeArea"])
        self._stages: dict[str, list[Row]] = {}
        for stage in store["MatterStage"]:
            self._stages.setdefault(stage["practice_area_id"], []).append(stage)

    def seed(self, count: int) -> None:
        """Add matters, and mark their clients as such."""
        for _ in range(count):
            row = self._matter()
            self._store["Matter"].put(row)
            self._store["Contact"].rows[row["client_id"]]["is_client"] = True

    def _matter(self) -> Row:
        rng = self._rng
        client = rng.choice(self._contacts)
        created = rng.randrange(self._now - 3 * YEAR, self._now - 86_400)
        row = matters.blank(self._store, created, rng.choice(self._users))
        row.update(id=self._store["Matter"].next_id(), client_id=client["id"], status=rng.choice(_STATUSES))
        row.update(description=f"{rng.choice(self._pools.affairs)} {client['last_name'] or client['name']}")
        area = rng.choice(self._areas)
        stage = rng.choice(self._stages[str(area["id"])])
        row.update(practice_area_id=area["id"], matter_stage_id=stage["id"], responsible_attorney_id=self._attorney())
        row.update(originating_attorney_id=self._attorney() if rng.random() < 0.5 else None)
        row.update(updated_at=rng.randrange(created, self._now), matter_stage_updated_at=created)
        row.update(billing_method=rng.choice(("hourly", "hourly", "flat", "contingency")))
        row.update(
            location="Vancouver" if rng.random() < 0.5 else None, client_reference=f"REF-{rng.randrange(10_000)}"
        )
        self._dates(row, created)
        matters.number(self._store, row)
        return row

    def _attorney(self) -> int:
        attorneys = [user for user in self._users if user["subscription_type"] == "Attorney"]
        return int(self._rng.choice(attorneys)["id"])

    def _dates(self, row: Row, created: int) -> None:
        opened = datetime.fromtimestamp(created, self._zone).date()
        row["open_date"] = opened.isoformat()
        if row["status"] == "Pending":
            row["pending_date"] = opened.isoformat()
        elif row["status"] == "Closed":
            closed = opened + timedelta(days=self._rng.randrange(1, 400))
            row["close_date"] = min(closed, datetime.fromtimestamp(self._now, self._zone).date()).isoformat()
