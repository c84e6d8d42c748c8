"""The contract of the mirror: any record Clio might send is stored whole, once, and never undone by an older one."""

from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from core.errors import ClioUnexpectedAnswer
from core.mirror.lines import encode_records
from core.mirror.quick import quick_reader
from core.mirror.writer import WriteResult, validate_records
from core.resource import ClioPayload
from core.testing.case import Case, only_where
from core.testing.comparing import differences, listed, unlike_lines
from core.testing.payloads import records_of
from core.testing.scene import Scene, after_noon

ANY = settings(
    max_examples=30,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)
"""The stage of the class serves every example: each writes to a firm of its own."""


class RecordContract(Case):
    """Tests of the writer, over records made from the payload model."""

    @ANY
    @given(data=st.data())
    async def test_any_record_is_kept_whole(self, scene: Scene, data: st.DataObject) -> None:
        """Nulls, words no list knows, fields of tomorrow, huge and odd text, any offset: stored and read back alike."""
        record, firm = {**data.draw(records_of(scene.resource)), "id": 1}, scene.new_firm()
        await self._write(scene, firm, record)
        row = await scene.row(1, firm)
        assert row is not None, f"{scene.resource.name}: the record was taken and is not in the mirror"
        payload = self._payload(scene, record)
        lost = [each for each in differences(scene.resource, payload, row) if not each.startswith("clio_updated_at")]
        assert not lost, (
            f"{scene.resource.table_name} does not hold what to_row gave: widen the column, or change to_row:"
            f"{listed(lost)}"
        )
        assert not (told := await scene.unlike_its_image(1, firm)), (
            f"{scene.resource.name}: the change that tells of the record has other values than the row: to_row must "
            f"give each column as PostgreSQL writes it in JSON:{listed(told)}"
        )

    @ANY
    @given(data=st.data())
    def test_a_page_is_read_alike_either_way(self, data: st.DataObject) -> None:
        """What a struct made from the payload model takes of a page has the line that pydantic and `to_row` give it."""
        resource = self.declaration()
        records = [{**data.draw(records_of(resource)), "id": number} for number in (1, 2)]
        quick = quick_reader(resource)
        read = None if quick is None else quick.read(records)
        if read is None:
            return
        payloads = validate_records(resource, records)
        assert read[0] == [payload.id for payload in payloads]
        unlike = unlike_lines(read[1], encode_records(resource, payloads))
        assert not unlike, (
            f"{resource.name}: a page read the quick way has other values than its payload model gives: leave types to "
            f"annotations, mend with WhereUnfit, or override to_row, for:{listed(unlike)}"
        )

    @ANY
    @given(data=st.data())
    async def test_the_same_record_again_writes_nothing(self, scene: Scene, data: st.DataObject) -> None:
        """A record that was seen before writes no row and no change, as a second sync of a still firm must not."""
        record, firm = {**data.draw(records_of(scene.resource)), "id": 1}, scene.new_firm()
        await self._write(scene, firm, record)
        before = await scene.row(1, firm)
        again = await self._write(scene, firm, record, seen_s=60)
        assert (again.created, again.updated, again.unchanged) == (0, 0, 1), (
            f"{scene.resource.name}: the same record was written twice: to_row must give the same for the same payload "
            "each time, and the columns must hold it without rounding"
        )
        assert await scene.row(1, firm) == before, f"{scene.resource.table_name}: the row was touched"
        changes = await scene.change_count(firm)
        assert changes == 1, f"{scene.resource.name}: {changes} changes on record for one record that came twice"

    @only_where(lambda case: "updated_at" not in case.declaration().endpoint.payload.absent)
    @ANY
    @given(data=st.data(), source=st.sampled_from(["incremental", "webhook", "backfill"]))
    async def test_an_older_record_changes_nothing(self, scene: Scene, data: st.DataObject, source: Any) -> None:
        """A page or delivery that is late, by Clio's own clock, never overwrites what is newer."""
        newer, older = (data.draw(records_of(scene.resource), label) for label in ("newer", "older"))
        firm, trash = scene.new_firm(), scene.resource.trash_column
        assume(
            trash is None or self._payload(scene, {**newer, "id": 1}).to_row()[trash] is None
        )  # what was deleted is revived by being seen again
        await self._write(scene, firm, {**newer, "id": 1}, updated_s=60)
        before = await scene.row(1, firm)
        await self._write(scene, firm, {**older, "id": 1}, updated_s=0, seen_s=120, source=source)
        assert await scene.row(1, firm) == before, (
            f"{scene.resource.name}: a record updated at {after_noon(0):%H:%M:%S} replaced one updated at "
            f"{after_noon(60):%H:%M:%S}: leave updated_at as Clio sends it"
        )

    async def _write(self, scene: Scene, firm: int, record: dict[str, Any], **options: Any) -> WriteResult:
        self._payload(scene, record)
        return await scene.write(firm, record, **options)

    def _payload(self, scene: Scene, record: dict[str, Any]) -> ClioPayload:
        """Return a record as the payload model has it.

        Raises:
            AssertionError: the model does not take it; the message names the fields.
        """
        try:
            return validate_records(scene.resource, [record])[0]
        except ClioUnexpectedAnswer as error:
            raise AssertionError(
                f"{error}: one such record would fail its whole page; give the fields a looser type, or a validator "
                "with mode='before' that makes null of what cannot be kept"
            ) from error
