"""Working on one reconcile run: Clio's list against the mirror, and what differs settled on Clio's word alone.

First the whole list is compared, page by page, and what differs is noted (`core.mirror.comparison`). Then each finding
is settled: what is gone from the list is asked for by itself, since a list that shrinks may also mean a permission that
was lost; what is missing or stale is read again. The notes are rows, and whoever takes the run up goes on with them.
"""

import asyncio
import datetime
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from core.clio.priority import Priority
from core.errors import LeaseLost, MassDisappearance
from core.mirror.asking import Gone, ask_for
from core.mirror.comparison import compare_statement
from core.mirror.writer import Absence, is_redacted, mark_absent, validate_records, write_records
from core.resource import Resource
from core.sync import reports
from core.sync.listing import Range, ranges_of
from core.sync.progress import publish_progress
from core.sync.reports import Finding, Settled
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services

READ_TOGETHER = 100
"""Records asked for in one request by their ids: more could make its address longer than servers take (8 kB)."""

HOLD_TOGETHER = 500
"""Records moved to `unknown` in one transaction."""


async def reconcile(services: "Services", run: Run, owner: str, *, ends_at: float) -> bool:
    """Work on a run until all is settled (True), or until the loop's clock passes `ends_at` (False).

    One request per page of the list, per record that is gone from it, and per hundred records that are read again.

    Raises:
        MassDisappearance: too many records are gone from the list; they are `unknown` now, and the rest is settled.
        LeaseLost: another worker has the run.
        ClioError: what Clio answered to the list, or to a reading.
    """
    return await _Reconciliation(services, run, owner, ends_at).work()


class _Reconciliation:
    """One worker's turn at one run."""

    def __init__(self, services: "Services", run: Run, owner: str, ends_at: float) -> None:
        self._services = services
        self._run = run
        self._owner = owner
        self._ends_at = ends_at
        self._resource: Resource = services.registry.resource(run.resource)
        self._client = services.accounts.client(run.firm, run.usage)

    async def work(self) -> bool:
        at = await reports.open_report(self._services.database, self._run)
        if not at.listed:
            if not await self._list(at.covered_to):
                return False
            at = await reports.open_report(self._services.database, self._run)
        if not await (self._hold_back() if at.held else self._confirm()):
            return False
        if not await self._repair():
            return False
        if at.held:
            raise MassDisappearance(
                f"too many {self._resource.plural} are gone from clio's list at once, so their presence is unknown now:"
                " check what the connected user may see; if they were deleted, reconcile again with confirmDisappeared"
            )
        return True

    async def _list(self, covered_to: int) -> bool:
        """Compare the pages that are left; False when the turn is over before the last one."""
        ranges = ranges_of(self._client, self._run, self._resource, after=covered_to)
        async with aclosing(ranges):
            async for part in ranges:
                await self._compare(part)
                await self._moved()
                if part.next_url is not None and self._is_over():
                    return False
        return True

    async def _compare(self, part: Range) -> None:
        """Compare a range, note what differs, and move the checkpoint."""
        listed = [
            {"clio_id": each["id"], "etag": each.get("etag"), "clio_updated_at": each.get("updated_at")}
            for each in part.records
        ]
        leased = await self._services.database.pool.fetchval(
            compare_statement(self._resource),
            msgspec.json.encode(listed).decode(),
            self._run.firm,
            part.after,
            part.up_to,
            part.requested_at,
            self._run.high_water_at,
            self._run.id,
            self._owner,
            self._services.settings.lease_s,
            part.next_url,
            part.total,
            self._run.confirm_disappeared,
            part.requests,
        )
        if not leased:
            raise LeaseLost(f"run {self._run.id} was taken over by another worker: stop working on it")

    async def _hold_back(self) -> bool:
        """Move what is gone from the list to `unknown`; nothing is asked."""
        while findings := await self._open("extra", limit=HOLD_TOGETHER):
            moved = 0
            async with self._services.database.transaction() as connection:
                for finding in findings:
                    moved += await self._mark(connection, finding.clio_id, "unknown", finding.seen_at)
                await self._settle(connection, findings, Settled(unknown=moved))
            await self._moved()
            if self._is_over():
                return False
        return True

    async def _confirm(self) -> bool:
        """Ask for each record that is gone from the list."""
        while findings := await self._open("extra", limit=READ_TOGETHER):
            for finding in findings:
                await self._ask(finding)
                await self._moved()
                if self._is_over():
                    return False
        return True

    async def _repair(self) -> bool:
        """Read again what is missing or stale."""
        together = min(READ_TOGETHER, self._resource.endpoint.page_limit)
        while findings := await self._open("missing", "stale", limit=together):
            page = await self._client.records(
                self._resource.endpoint, [finding.clio_id for finding in findings], priority=Priority.RECONCILE
            )
            wanted = {finding.clio_id: finding for finding in findings}
            answers = {
                answer["id"]: answer
                for answer in page.records
                if answer.get("id") in wanted and not is_redacted(answer)
            }
            answered = [wanted.pop(clio_id) for clio_id in answers]
            await self._take(answered, list(answers.values()), page.requested_at)
            await self._moved()
            for finding in wanted.values():
                await self._ask(finding)
                await self._moved()
                if self._is_over():
                    return False
            if self._is_over():
                return False
        return True

    async def _ask(self, finding: Finding) -> None:
        """Settle one finding by what Clio answers about the record."""
        seen_at = datetime.datetime.now(datetime.UTC)
        answer = await ask_for(self._client, self._resource.endpoint, finding.clio_id, priority=Priority.RECONCILE)
        if isinstance(answer, dict):
            await self._take([finding], [answer], seen_at)
        else:
            await self._absent(finding, answer, seen_at)

    async def _absent(self, finding: Finding, presence: Gone, seen_at: datetime.datetime) -> None:
        async with self._services.database.transaction() as connection:
            moved = await self._mark(connection, finding.clio_id, presence, seen_at)
            settled = Settled(requests=1, **{presence: int(moved)})
            await self._settle(connection, [finding], settled)

    async def _take(
        self, findings: Sequence[Finding], answers: Sequence[dict[str, Any]], seen_at: datetime.datetime
    ) -> None:
        """Write what one request brought."""
        payloads = validate_records(self._resource, answers)
        async with self._services.database.transaction() as connection:
            written = await write_records(
                connection,
                self._resource,
                firm=self._run.firm,
                payloads=payloads,
                seen_at=seen_at,
                source="reconcile",
            )
            changed = written.created + written.updated
            settled = Settled(
                created=written.created,
                updated=written.updated,
                repaired=0 if any(finding.kind == "extra" for finding in findings) else changed,
                requests=1,
            )
            await self._settle(connection, findings, settled)

    async def _open(self, *kinds: reports.FindingKind, limit: int) -> list[Finding]:
        return await reports.open_findings(self._services.database, self._run, kinds=kinds, limit=limit)

    async def _mark(self, connection: Any, clio_id: int, presence: Absence, seen_at: datetime.datetime) -> bool:
        return await mark_absent(
            connection,
            self._resource,
            firm=self._run.firm,
            clio_id=clio_id,
            presence=presence,
            seen_at=seen_at,
            source="reconcile",
        )

    async def _settle(self, connection: Any, findings: Sequence[Finding], settled: Settled) -> None:
        await reports.settle(
            connection,
            self._run,
            findings,
            settled,
            owner=self._owner,
            lease_s=self._services.settings.lease_s,
        )

    async def _moved(self) -> None:
        await publish_progress(self._services.redis, firm=self._run.firm, run=self._run.id)

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() > self._ends_at
