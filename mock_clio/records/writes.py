"""The one path by which records change, whether asked through REST or by the traffic generator."""

from zoneinfo import ZoneInfo

from mock_clio.clock import Clock
from mock_clio.records import activities, contacts, custom_fields, custom_values, declared, matters
from mock_clio.records.filing import Filing
from mock_clio.storage import Storage
from mock_clio.store.changes import Change, Listener
from mock_clio.store.rows import Row, Store, draft_of
from mock_clio.switches import Switches
from mock_clio.tables.catalog import (
    ACTIVITIES,
    CONTACTS,
    CUSTOM_FIELD_SETS,
    CUSTOM_FIELDS,
    DOCUMENTS,
    FOLDERS,
    MATTERS,
)
from mock_clio.tables.declare import Resource
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import not_found

CHILD_LISTS = frozenset(
    {*(child.name for child in contacts.CHILDREN), *matters.CHILD_LISTS, "statute_of_limitations", "picklist_options"}
)
_DERIVED = frozenset(
    {f"{rank}_{kind}" for rank in ("primary", "secondary") for kind in ("email_address", "phone_number", "address")}
    | {"primary_work_address", "primary_web_site"}
)


class Writer:
    """Creates, updates and deletes records, and tells a listener of each change."""

    def __init__(
        self, store: Store, clock: Clock, zone: ZoneInfo, switches: Switches, storage: Storage, listener: Listener
    ) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._switches = switches
        self._tell = listener
        self.filing = Filing(store, clock, switches, storage, listener)
        self._matters_of: dict[int, int] = {}
        for matter in store["Matter"]:
            self._matters_of[matter["client_id"]] = self._matters_of.get(matter["client_id"], 0) + 1

    def create(self, resource: Resource, data: Data, actor: Row) -> Row:
        """Add a record; nothing is stored if the body does not pass."""
        if _filed(resource):
            return self.filing.create(resource, data, actor)
        now = self._clock.seconds()
        row = self._blank(resource, now, actor)
        row["id"] = self._store[resource.schema.name].next_id()
        self._fill(resource, row, data, now, new=True)
        self._store[resource.schema.name].put(row)
        if resource is CONTACTS or resource is MATTERS:
            self.filing.tree.own(resource.schema.name, row, actor["id"])
        also = matters.status_event(None, row) if resource is MATTERS else ()
        self._tell(Change(resource, "created", None, row, also))
        if resource is MATTERS:
            self._client(None, row["client_id"])
        return row

    def update(self, resource: Resource, row_id: int, data: Data) -> Row:
        """Change a record; a body that changes nothing leaves `updated_at` alone and is not told."""
        if _filed(resource):
            return self.filing.update(resource, row_id, data)
        rows = self._store[resource.schema.name]
        before = rows.get(row_id)
        if before is None:
            raise not_found()
        now = self._clock.seconds()
        after = draft_of(before)
        self._fill(resource, after, data, now, new=False)
        changed = {name for name, value in after.items() if before.get(name) != value}
        if not changed:
            return before
        if self._switches.nested_change_bumps_parent or changed - CHILD_LISTS - _DERIVED:
            after["updated_at"] = max(now, before["updated_at"])
        rows.put(after)
        also = matters.status_event(before, after) if resource is MATTERS else ()
        self._tell(Change(resource, "updated", before, after, also))
        if resource is MATTERS:
            self._client(before["client_id"], after["client_id"])
        return after

    def delete(self, resource: Resource, row_id: int) -> None:
        """Remove a record without a trace; a document goes to the trash, a custom field stays, marked as deleted."""
        if _filed(resource):
            self.filing.delete(resource, row_id)
            return
        rows = self._store[resource.schema.name]
        row = rows.get(row_id)
        if row is None:
            raise not_found()
        if resource is CUSTOM_FIELDS:
            if not row["deleted"]:
                rows.put({**row, "deleted": True, "updated_at": max(self._clock.seconds(), row["updated_at"])})
            return
        rows.remove(row_id)
        self._tell(Change(resource, "deleted", row, None))
        if resource is MATTERS:
            self._client(row["client_id"], None)

    def has_matters(self, contact_id: int) -> bool:
        """Whether a contact is the client of any matter."""
        return self._matters_of.get(contact_id, 0) > 0

    def _blank(self, resource: Resource, now: int, actor: Row) -> Row:
        if resource is CONTACTS:
            return contacts.blank(self._store, now)
        if resource is CUSTOM_FIELDS:
            return custom_fields.blank(now)
        if resource is CUSTOM_FIELD_SETS:
            return custom_fields.blank_set(now)
        if resource is ACTIVITIES:
            return activities.blank(self._store, now, actor)
        if resource is not MATTERS:
            return declared.blank(resource, now)
        return matters.blank(self._store, now, actor)

    def _fill(self, resource: Resource, draft: Row, data: Data, now: int, *, new: bool) -> None:
        if resource is CUSTOM_FIELDS:
            custom_fields.fill(self._store, draft, data, now, new=new)
            return
        if resource is CUSTOM_FIELD_SETS:
            custom_fields.fill_set(self._store, draft, data)
            return
        if resource is ACTIVITIES:
            activities.fill(self._store, draft, data, new=new)
            return
        if resource is not CONTACTS and resource is not MATTERS:
            declared.fill(self._store, resource, draft, data)
            return
        if resource is CONTACTS:
            contacts.fill(self._store, draft, data, now, new=new)
        else:
            matters.fill(self._store, draft, data, now, self._zone, new=new)
        custom_values.fill(self._store, self._switches, draft, resource.schema, data, now, new=new)

    def _client(self, old: int | None, new: int | None) -> None:
        """A matter moved from one client to another: keep `is_client` of both true to that."""
        if old == new:
            return
        for contact_id, step in ((old, -1), (new, 1)):
            if contact_id is not None:
                self._matters_of[contact_id] = self._matters_of.get(contact_id, 0) + step
                self._set_client(contact_id, is_client=self.has_matters(contact_id))

    def _set_client(self, contact_id: int, *, is_client: bool) -> None:
        before = self._store["Contact"].get(contact_id)
        if before is None or before["is_client"] == is_client:
            return
        after = draft_of(before)
        contacts.derive(after)
        after["is_client"] = is_client
        if self._switches.nested_change_bumps_parent:
            after["updated_at"] = max(self._clock.seconds(), before["updated_at"])
        self._store["Contact"].put(after)
        self._tell(Change(CONTACTS, "updated", before, after))


def _filed(resource: Resource) -> bool:
    return resource is DOCUMENTS or resource is FOLDERS
