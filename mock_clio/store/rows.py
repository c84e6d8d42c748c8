"""Rows in memory: one collection per schema, ids ascending, never used twice."""

import bisect
import random
from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]
"""One record. Timestamps are whole seconds since the epoch, dates are text, references are ids in `<name>_id`."""


class Sequence:
    """Ids that only grow, by small uneven steps, as those of a service shared by many firms do."""

    def __init__(self, start: int, rng: random.Random, *, step: int = 3) -> None:
        self._last = start
        self._rng = rng
        self._step = step

    def next(self) -> int:
        """An id larger than every one before it."""
        self._last += self._rng.randint(1, self._step)
        return self._last


class Collection:
    """The rows of one schema, by id and in the order of ids."""

    def __init__(self, sequence: Sequence) -> None:
        self.rows: dict[int, Row] = {}
        self.ids: list[int] = []
        self.revision = 0
        """Grows with every change, so that derived lists can be kept until it does."""
        self._sequence = sequence

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Row]:
        return (self.rows[row_id] for row_id in self.ids)

    def get(self, row_id: int | None) -> Row | None:
        """The row, or None."""
        return self.rows.get(row_id) if row_id is not None else None

    def next_id(self) -> int:
        """An id for a row about to be added."""
        return self._sequence.next()

    def put(self, row: Row) -> None:
        """Add a row, or replace the one with its id."""
        row_id = row["id"]
        if row_id not in self.rows:
            bisect.insort(self.ids, row_id)
        self.rows[row_id] = row
        self.revision += 1

    def remove(self, row_id: int) -> None:
        """Take a row away; nothing remembers it."""
        del self.rows[row_id]
        del self.ids[bisect.bisect_left(self.ids, row_id)]
        self.revision += 1


FIRST_IDS = {
    "Account": 358_069,
    "User": 350_963_380,
    "Contact": 2_413_664_300,
    "Matter": 1_690_233_440,
    "Group": 412_700,
    "PracticeArea": 3_120_440,
    "MatterStage": 707_050,
    "Webhook": 3_205_140,
    "EmailAddress": 291_003_300,
    "PhoneNumber": 291_550_860,
    "Address": 288_112_340,
    "WebSite": 112_340_070,
    "InstantMessenger": 31_400_210,
    "Currency": 1,
}
"""Ids after which each schema's own begin; contacts lie above 2^31, as Clio's do."""

CUSTOM_FIRST_IDS = {
    "CustomField": 9_120_330,
    "CustomFieldSet": 1_204_410,
    "PicklistOption": 7_740_110,
    "CustomFieldValue": 2_291_044_500,
    "CustomFieldSetAssociation": 5_310_220,
    "Relationship": 60_412_330,
    "Task": 988_301_420,
    "PolymorphicCustomRate": 17_403_560,
}
"""The same for custom fields and the records within matters, whose ids come from a random stream of their own."""

CUSTOM_STREAM = 11
"""What is added to the seed for everything about custom fields, so that it moves nothing else."""

COLLECTIONS = (
    "User",
    "Contact",
    "Matter",
    "Group",
    "PracticeArea",
    "MatterStage",
    "Webhook",
    "CustomField",
    "CustomFieldSet",
)

FILING_IDS = {
    "Document": 15_500_881_200,
    "DocumentVersion": 16_770_012_000,
    "Folder": 1_622_990_000,
    "DocumentCategory": 118_020,
    "ExternalProperty": 9_330_410,
}
"""The same of what is filed: from a stream of their own, so that more files leave the ids of all else as they are."""

BILLING_IDS = {
    "Activity": 4_400_123_900,
    "ActivityDescription": 6_220_110,
    "ExpenseCategory": 812_330,
    "Activity_Task": 988_400_000,
    "Bill": 73_220_400,
}
"""The same of what is recorded and billed."""

BILLING = ("Activity", "ActivityDescription", "ExpenseCategory")

DECLARED = "Declared"
"""What the names of declared resources' schemas begin with."""

DECLARED_FIRST_ID = 8_800_000_000

FILING = ("Document", "DocumentVersion", "Folder", "DocumentCategory")
SHARED = {"ClioCreator": "User", "LinkedFolder": "Folder"}
"""Schemas that show the rows of another."""


class Store:
    """Everything a firm's account holds."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - ids need no secrecy, and the same seed must give the same ids
        self._sequences = {name: Sequence(first, rng) for name, first in FIRST_IDS.items()}
        filing = random.Random(seed + 31)  # noqa: S311 - as above
        self._sequences |= {name: Sequence(first, filing) for name, first in FILING_IDS.items()}
        own = random.Random(seed + CUSTOM_STREAM)  # noqa: S311 - as above
        self._sequences |= {name: Sequence(first, own) for name, first in CUSTOM_FIRST_IDS.items()}
        billing = random.Random(seed + 21)  # noqa: S311 - as above
        self._sequences |= {name: Sequence(first, billing) for name, first in BILLING_IDS.items()}
        self.collections = {name: Collection(self._sequences[name]) for name in (*COLLECTIONS, *FILING, *BILLING)}
        self.collections |= {name: self.collections[source] for name, source in SHARED.items()}
        self._declared = random.Random(seed + 41)  # noqa: S311 - as above
        self.account: Row = {}
        self.currency: Row = {}
        self.matter_number = 0
        """The last number given to a matter."""
        self.hidden: set[tuple[str, int]] = set()
        """Schema and id of the records that whoever connected may not see."""
        self.document_number = 0
        """The last number given to a document."""

    def __getitem__(self, schema: str) -> Collection:
        if schema not in self.collections and schema.startswith(DECLARED):
            self.collections[schema] = Collection(Sequence(DECLARED_FIRST_ID, self._declared))
        return self.collections[schema]

    def hide(self, schema: str, row_id: int, *, hidden: bool) -> None:
        """Hide a record from whoever connected, or show it again; the record itself stays as it is."""
        (self.hidden.add if hidden else self.hidden.discard)((schema, row_id))
        self[schema].revision += 1

    def is_hidden(self, schema: str, row_id: int) -> bool:
        """Whether a record is hidden."""
        return (schema, row_id) in self.hidden

    def next_id(self, schema: str) -> int:
        """An id for a new record of any schema, child rows included."""
        return self._sequences[schema].next()


def etag(row: Row) -> str:
    """A record's ETag, quotes included: id and `updated_at` in hexadecimal, filled up or cut to 32 digits.

    Two writes within one second therefore share it. Inferred from ETags that have been published; the filler's digits
    beyond the eighteenth are the mock's own.
    """
    digits = f"{row['id']:x}{row['updated_at']:x}{ETAG_FILLER}"
    return f'"{digits[:32]}"'


ETAG_FILLER = "6a68f6d0d2c36334925e1b7c09a4f3d8"


def draft_of(row: Row) -> Row:
    """A copy that can be edited without touching the row: child rows in lists are copied too."""
    draft = dict(row)
    for name, value in row.items():
        if isinstance(value, list):
            draft[name] = [dict(child) if isinstance(child, dict) else child for child in value]
    return draft
