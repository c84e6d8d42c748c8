"""Working on one reconcile run: Clio's list against the mirror, and what differs settled on Clio's word alone.

First the whole list is compared, page by page, and what differs is noted (`core.mirror.comparison`). Then each finding
is settled: what is gone from the list is asked for by itself, since a list that shrinks may also mean a permission that
was lost; what is missing or stale is read again. The notes are rows, and whoever takes the run up goes on with them.
In the end the report is given the roots of both sides (`core.mirror.root`).
"""

import asyncio
import datetime
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from core.clio.priority import Priority
from core.errors import LeaseLost, MassDisappearance
from core.mirror.asking import Gone, ask_for
from core.mirror.comparison import compare_statement
from core.mirror.root import SAMPLE
from core.mirror.writer import Absence, Evidence, is_redacted, mark_absent, validate_records, write_records
from core.resource import Resource
from core.sync import reports
from core.sync.listing import Range, ranges_of
from core.sync.progress import publish_progress
from core.sync.reports import Finding, Sample, Settled
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
        MassDisappearance: too many records are gone from the list; they are held, and the rest is settled.
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
        self._sampled: Counter[tuple[Any, Any]] = Counter()

    async def work(self) -> bool:
        at = await reports.open_report(self._services.database, self._run)
        self._sampled.update((sample["kind"], sample["outcome"]) for sample in at.samples)
        if not at.listed:
            if not await self._list(at.covered_to):
                return False
            at = await reports.open_report(self._services.database, self._run)
        if at.held and not await self._hold():
            return False
        if not (await self._confirm() and await self._repair()):
            return False
        ahead = self._services.accounts.clock.ahead(self._run.firm)
        await reports.prove(self._services.database, self._run, self._resource, ahead=ahead, owner=self._owner)
        if at.held:
            raise MassDisappearance(
                f"too many {self._resource.plural} are gone from clio's list at once: they are held, of unknown"
                " presence, until somebody decides; check what the connected user may see, then approve"
                f" (clio-service reconcile approve {self._run.id}), which asks clio for each, or reject"
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
        trash = self._resource.trash_column
        listed = [
            {"clio_id": each["id"], "etag": each.get("etag"), "clio_updated_at": each.get("updated_at")}
            | ({} if trash is None else {"trashed": each.get(trash) is not None})
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
            self._run.approves,
            part.requests,
        )
        if not leased:
            raise LeaseLost(f"run {self._run.id} was taken over by another worker: stop working on it")

    async def _hold(self) -> bool:
        """Move what is gone from the list to `unknown`, and keep it for somebody's decision; nothing is asked."""
        async for findings in self._open("extra", limit=HOLD_TOGETHER):
            async with self._services.database.transaction() as connection:
                for finding in findings:
                    await self._mark(connection, finding, "unknown", {"listed": False, "held": True}, finding.seen_at)
                held = await connection.fetch(
                    f"""SELECT clio_id FROM "{self._resource.table_name}"
                    WHERE firm = $1 AND clio_id = ANY ($2::bigint[]) AND presence = 'unknown'""",
                    self._run.firm,
                    [finding.clio_id for finding in findings],
                )
                ids = [row["clio_id"] for row in held]
                samples = self._sample([finding for finding in findings if finding.clio_id in set(ids)], "held")
                await reports.hold(connection, self._run, findings, ids, samples=samples, **self._lease)
            await self._moved()
            if self._is_over():
                return False
        return True

    async def _confirm(self) -> bool:
        """Ask for each record that is gone from the list and not held."""
        async for findings in self._open("extra", "approved", limit=READ_TOGETHER):
            if not await self._ask_each(findings):
                return False
        return True

    async def _repair(self) -> bool:
        """Read again what is missing or stale."""
        together = min(READ_TOGETHER, self._resource.endpoint.page_limit)
        async for findings in self._open("missing", "stale", limit=together):
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
            await self._take(answered, list(answers.values()), page.requested_at, outcome="repaired")
            await self._moved()
            if not await self._ask_each(list(wanted.values())) or self._is_over():
                return False
        return True

    async def _ask_each(self, findings: Sequence[Finding]) -> bool:
        """Settle each by what Clio answers about the record; False when the turn is over before the last one."""
        for finding in findings:
            seen_at = datetime.datetime.now(datetime.UTC)
            answer = await ask_for(self._client, self._resource.endpoint, finding.clio_id, priority=Priority.RECONCILE)
            if isinstance(answer, Gone):
                await self._absent(finding, answer, seen_at)
            else:
                was_listed = finding.kind in {"missing", "stale"}
                await self._take([finding], [answer], seen_at, outcome="repaired" if was_listed else "kept")
            await self._moved()
            if self._is_over():
                return False
        return True

    async def _absent(self, finding: Finding, gone: Gone, seen_at: datetime.datetime) -> None:
        listed = finding.kind in {"missing", "stale"}
        async with self._services.database.transaction() as connection:
            moved = await self._mark(connection, finding, gone.presence, {"listed": listed, **gone.evidence}, seen_at)
            samples = self._sample([finding], gone.presence)
            settled = Settled(requests=1, samples=samples, **{gone.presence: int(moved)})
            await self._settle(connection, [finding], settled, asked=True)

    async def _take(
        self,
        findings: Sequence[Finding],
        answers: Sequence[dict[str, Any]],
        seen_at: datetime.datetime,
        *,
        outcome: Literal["repaired", "kept"],
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
                run=self._run.id,
            )
            changed = written.created + written.updated
            settled = Settled(
                created=written.created,
                updated=written.updated,
                repaired=changed if outcome == "repaired" else 0,
                kept=len(findings) if outcome == "kept" else 0,
                requests=1,
                samples=self._sample(findings, outcome),
            )
            # What was read without changing the mirror is not as it was listed, and the mirror's row does not show it.
            await self._settle(connection, findings, settled, asked=changed < len(findings) or outcome == "kept")

    async def _open(self, *kinds: reports.FindingKind, limit: int) -> AsyncGenerator[list[Finding], None]:
        """Yield the findings that are still to be settled, some at a time, in order of Clio id."""
        after = 0
        while findings := await reports.open_findings(
            self._services.database, self._run, kinds=kinds, after=after, limit=limit
        ):
            yield findings
            after = findings[-1].clio_id

    async def _mark(
        self, connection: Any, finding: Finding, presence: Absence, evidence: Evidence, seen_at: datetime.datetime
    ) -> bool:
        return await mark_absent(
            connection,
            self._resource,
            firm=self._run.firm,
            clio_id=finding.clio_id,
            presence=presence,
            seen_at=seen_at,
            source="reconcile",
            evidence=evidence,
            run=self._run.id,
        )

    async def _settle(self, connection: Any, findings: Sequence[Finding], settled: Settled, *, asked: bool) -> None:
        await reports.settle(connection, self._run, findings, settled, asked=asked, **self._lease)

    def _sample(self, findings: Sequence[Finding], outcome: str) -> list[Sample]:
        """Return the findings that the report is to name, as long as it names few of their kind and outcome."""
        named: list[Sample] = []
        for finding in findings:
            self._sampled[finding.kind, outcome] += 1
            if self._sampled[finding.kind, outcome] <= SAMPLE:
                named.append({"clio_id": finding.clio_id, "kind": finding.kind, "outcome": outcome})
        return named

    @property
    def _lease(self) -> dict[str, Any]:
        return {"owner": self._owner, "lease_s": self._services.settings.lease_s}

    async def _moved(self) -> None:
        await publish_progress(self._services.redis, firm=self._run.firm, run=self._run.id)

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() > self._ends_at
