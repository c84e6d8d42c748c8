"""A story of one resource: people edit, hide and delete records at Clio while runs of every kind read it.

Edits happen between the pages of a running run, the next page being under way. No webhook tells of them unless an edit
says so. What is told of a record must be true at that moment: a record that Clio has is never reported deleted.
"""

import asyncio
import dataclasses
import datetime
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import pytest

from core.mirror.tombstones import settle_tombstones
from core.mirror.writer import mark_absent, validate_records, write_records
from core.registry import Registry
from core.services import Services
from core.sync import engine, requesting
from core.sync import reconcile as reconciling
from core.sync.progress import publish_progress
from core.sync.verdicts import verdict_of
from core.testing.comparing import differences
from core.testing.driving import Control

Op = Literal["create", "update", "delete", "hide", "show"]
Kind = Literal["backfill", "incremental", "reconcile"]
Stop = Literal["lapse", "cancel"]

MOST_TURNS = 60
PAGE = 4
RECORDS = 10


@dataclasses.dataclass(frozen=True)
class Edit:
    """One edit: of which record, as a share of those there are, and whether a webhook tells of it at once."""

    op: Op
    share: float
    told: bool


@dataclasses.dataclass(frozen=True)
class Chapter:
    """One run: the edits after each of its pages, and after which page its worker is stopped, if at all."""

    kind: Kind
    pages: Sequence[Sequence[Edit]]
    stop: tuple[int, Stop] | None


class Story:
    """Tells it, and keeps what must be so: `wrong` is what was not."""

    def __init__(self, services: Services, firm: int, control: Control, resource: str) -> None:
        self.services, self.firm, self.control = services, firm, control
        self.resource = services.registry.resource(resource)
        self.path = self.resource.endpoint.path
        self.state: dict[int, Literal["shown", "hidden", "deleted"]] = {}
        self.wrong: list[str] = []
        self._number = 0
        self._script: list[Sequence[Edit]] = []
        self._stop: tuple[int, Stop] | None = None
        self._page = 0
        self._worker: asyncio.Task[str] | None = None

    async def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start with nothing mirrored, and a few records at Clio."""
        await self.services.database.pool.execute(
            f"""TRUNCATE "{self.resource.table_name}", sync_run, sync_cursor, change, tombstone, reconciliation_report,
            reconciliation_finding, reconciliation_page"""
        )
        for clio_id, record in (await self._at_clio()).items():
            if record.get(self.resource.trash_column or "") is None:
                await self.control.edit(self.path, clio_id, hidden=False)
                await self.control.delete(self.path, clio_id)
        # What has a trash stays in it.
        self.state = dict.fromkeys(await self.control.records(self.path, fields="id"), "deleted")
        for _ in range(RECORDS):
            await self._create()
        # All happens within moments: incremental runs that looked back would read all of it again.
        monkeypatch.setattr(requesting, "OVERLAP_S", 0)
        await asyncio.sleep(1.1)
        monkeypatch.setattr(engine, "publish_progress", self._between_pages)
        monkeypatch.setattr(reconciling, "publish_progress", self._between_pages)

    async def tell(self, chapter: Chapter) -> None:
        """Do a run with all that happens beside it, until it has ended; another worker goes on where one is stopped."""
        self._script, self._stop, self._page = list(chapter.pages), chapter.stop, 0
        run = await self._request(chapter.kind)
        for turn in range(MOST_TURNS):
            await self._work(run, f"worker {turn}")
            state = await self.services.database.pool.fetchval(
                """UPDATE sync_run SET not_before_at = now(), lease_until = least(lease_until, now() - interval '1 s')
                WHERE id = $1 RETURNING state""",
                run,
            )
            if state not in {"queued", "running"}:
                break
        if state != "succeeded":
            self.wrong.append(f"a run of the kind {chapter.kind} ended as {state}")

    async def sweep(self) -> None:
        """Run an incremental, or the backfill if there was none, and a reconcile; nothing happens beside them."""
        await settle_tombstones(self.services)
        kinds: tuple[Kind, ...] = ("incremental", "reconcile")
        for kind in kinds:
            while True:
                chapter = Chapter(kind, [], None)
                await self.tell(chapter)
                last = await self.services.database.pool.fetchval("SELECT kind FROM sync_run ORDER BY id DESC LIMIT 1")
                if self.wrong or last == kind or kind == "incremental":
                    break
        await self._check()

    async def _work(self, run: int, owner: str) -> None:
        self._worker = asyncio.create_task(engine.work_on(self.services, run, owner=owner))
        with suppress(asyncio.CancelledError):
            await self._worker

    async def _request(self, kind: Kind) -> int:
        if kind == "reconcile":
            asked = await requesting.request_reconciliations(
                self.services, firms=[self.firm], resource=self.resource.name
            )
        else:
            asked = await requesting.request_runs(
                self.services, firms=[self.firm], resource=self.resource.name, full=kind == "backfill"
            )
        return asked[0]

    async def _between_pages(self, *given: Any, **named: Any) -> None:
        """Let happen what happens here, and stop the worker where the chapter says so."""
        await publish_progress(*given, **named)
        for edit in self._script.pop(0) if self._script else ():
            await self._edit(edit)
        if self._stop is not None and self._page == self._stop[0] and self._worker is not None:
            how, self._stop = self._stop[1], None
            if how == "cancel":
                self._worker.cancel()
            else:  # as if it had been frozen until its lease lapsed, and somebody else had taken the run
                await self.services.database.pool.execute("UPDATE sync_run SET lease_owner = 'other'")
        self._page += 1

    async def _edit(self, edit: Edit) -> None:
        if edit.op == "create":
            await self._tell_of(await self._create(), told=edit.told)
            return
        there = {"shown"} if edit.op != "show" else {"hidden"}
        those = sorted(clio_id for clio_id, state in self.state.items() if state in there)
        if not those:
            return
        clio_id = those[int(edit.share * len(those))]
        if edit.op == "update":
            await self.control.edit(self.path, clio_id, **self._change())
        elif edit.op == "delete":
            await self._check_nothing_is_called_deleted()
            await self.control.delete(self.path, clio_id)
            self.state[clio_id] = "deleted"
        else:
            await self.control.edit(self.path, clio_id, hidden=edit.op == "hide")
            self.state[clio_id] = "hidden" if edit.op == "hide" else "shown"
        await self._tell_of(clio_id, told=edit.told and edit.op in {"update", "delete"})

    async def _create(self) -> int:
        self._number += 1
        text = f"Record {self._number}"
        matter = {"id": min(await self.control.records("matters", fields="id"))} if self.path != "contacts" else None
        of_path: dict[str, dict[str, Any]] = {
            "contacts": {"type": "Person", "first_name": "Nova", "last_name": text},
            "activities": {"type": "TimeEntry", "date": "2026-03-02", "matter": matter, "note": text, "quantity": 600},
            "documents": {"name": f"{text}.pdf", "parent": {**(matter or {}), "type": "Matter"}, "size": 900},
        }
        clio_id = await self.control.create(self.path, **of_path[self.path])
        self.state[clio_id] = "shown"
        return clio_id

    def _change(self) -> dict[str, Any]:
        self._number += 1
        text = f"Text {self._number}"
        return {
            "contacts": {"title": text},
            "activities": {"note": text},
            "documents": {"name": f"{text}.pdf"},
        }[self.path]

    async def _tell_of(self, clio_id: int, *, told: bool) -> None:
        """Write what a webhook would have brought."""
        if not told:
            return
        how: dict[str, Any] = {
            "firm": self.firm,
            "seen_at": datetime.datetime.now(datetime.UTC),
            "source": "webhook",
        }
        pool, evidence = self.services.database.pool, {"webhook": "deleted"}
        record = (await self._at_clio()).get(clio_id)
        if record is None:
            await mark_absent(pool, self.resource, clio_id=clio_id, presence="deleted", evidence=evidence, **how)
        else:
            payloads = validate_records(self.resource, [record])
            await write_records(pool, self.resource, payloads=payloads, authoritative=True, **how)

    async def _at_clio(self) -> dict[int, dict[str, Any]]:
        return await self.control.records(self.path, fields=self.resource.endpoint.fields)

    async def _check_nothing_is_called_deleted(self) -> None:
        """Note every record that was reported deleted while Clio has it, shown or not."""
        rows = await self.services.database.pool.fetch(
            "SELECT DISTINCT clio_id FROM change WHERE resource = $1 AND operation = 'deleted'", self.resource.name
        )
        self.wrong += [
            f"{row['clio_id']} is {self.state[row['clio_id']]} and was reported deleted"
            for row in rows
            if self.state[row["clio_id"]] != "deleted"
        ]

    async def _check(self) -> None:
        await self._check_nothing_is_called_deleted()
        rows = await self.services.database.pool.fetch(
            f'SELECT * FROM "{self.resource.table_name}" WHERE firm = $1', self.firm
        )
        mirror = {row["clio_id"]: row for row in rows}
        clio = await self._at_clio()
        for clio_id, state in self.state.items():
            row = mirror.pop(clio_id, None)
            if state == "shown" or (clio_id in clio and state == "deleted"):
                [payload] = validate_records(self.resource, [clio[clio_id]])
                found = ["is not in the mirror"] if row is None else differences(self.resource, payload, row)
                self.wrong += [f"{clio_id} ({state}): {each}" for each in found]
            elif row is not None and row["presence"] != state:
                self.wrong.append(f"{clio_id} is {state} and {row['presence']} in the mirror")
        self.wrong += [f"{clio_id} never was" for clio_id in mirror]
        last = "SELECT * FROM reconciliation_report ORDER BY id DESC LIMIT 1"
        report = dict(await self.services.database.pool.fetchrow(last) or {"finished_at": None})
        if verdict_of(report) != "whole":
            self.wrong.append(f"the report says {verdict_of(report)}: {report}")


def of_small_pages(registry: Registry, *names: str) -> Registry:
    """Return the plugins with pages of a few records in the resources of these names."""

    def resized(resource: Any) -> Any:
        if resource.name not in names:
            return resource
        return dataclasses.replace(resource, endpoint=dataclasses.replace(resource.endpoint, page_limit=PAGE))

    plugins = [
        dataclasses.replace(plugin, resources=tuple(map(resized, plugin.resources))) for plugin in registry.plugins
    ]
    return Registry(manager=registry.manager, plugins=plugins)
