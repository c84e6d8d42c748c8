"""The contract of sync: over sockets, from Clio's lists and Clio's webhooks into the mirror."""

from core.testing.case import Case, only_where
from core.testing.comparing import listed
from core.testing.driving import until
from core.testing.scene import Scene
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries


def _is_listed(case: type[Case]) -> bool:
    return case.declaration().has_list


def _is_edited(case: type[Case]) -> bool:
    return _is_listed(case) and case.changes is not None


def _is_deleted(case: type[Case]) -> bool:
    return _is_listed(case) and case.can_create()


def _tells(case: type[Case]) -> bool:
    return _is_deleted(case) and case.declaration().webhook is not None


class SyncContract(Case):
    """Tests of runs: backfill, incremental, reconcile."""

    @only_where(_is_listed)
    async def test_a_backfill_mirrors_every_record(self, scene: Scene) -> None:
        """After the first run the mirror has every record of Clio's, with every field that is asked for."""
        assert await scene.at_clio(), (
            f"the mock has no {scene.resource.plural} to mirror: set `creates` of {type(self).__name__}, `declared` "
            "if the mock does not know them at all"
        )
        run = await scene.sync(full=True)
        assert run["kind"] == "backfill", f"a full run of {scene.resource.name} was an {run['kind']} one"
        unlike = await scene.unlike_clio()
        assert not unlike, f"the mirror differs from Clio after a backfill:{listed(unlike)}"

    async def test_a_second_sync_of_a_still_firm_writes_nothing(self, scene: Scene) -> None:
        """Reading everything again touches no row (`xmin` stays) and records no change."""
        await scene.sync(full=True)
        before, changes = await scene.rows(), await scene.change_count()
        run = await scene.sync(full=True)
        written = (run["records_created"], run["records_updated"])
        after = await scene.rows()
        touched = [clio_id for clio_id, row in before.items() if after.get(clio_id) != row]
        assert written == (0, 0), f"the second sync of {scene.resource.plural} wrote {written[0] + written[1]} rows"
        assert not touched, f"{scene.resource.table_name}: rows {touched} were written again though nothing changed"
        assert await scene.change_count() == changes, f"{scene.resource.name}: changes on record though nothing changed"

    @only_where(_is_edited)
    async def test_an_incremental_run_brings_an_edit(self, scene: Scene) -> None:
        """A run that asks for what changed of late finds an edit that no webhook told of."""
        clio_id = await scene.some_record()
        before = await scene.row(clio_id)
        await scene.edit(clio_id, type(self).changes or {})
        run = await scene.sync()
        assert run["kind"] == "incremental", f"a run of {scene.resource.name} after a backfill was a {run['kind']}"
        unlike, after = await scene.unlike_clio(clio_id), await scene.row(clio_id)
        assert not unlike, f"the incremental run did not bring the edit:{listed(unlike)}"
        moved = [name for name in scene.resource.own_columns if before and after and before[name] != after[name]]
        assert moved, f"`changes` of {type(self).__name__} changes nothing that the mirror keeps: name another field"

    @only_where(_is_deleted)
    async def test_reconciling_marks_what_was_deleted(self, scene: Scene) -> None:
        """A record that is gone at Clio is `deleted` in the mirror, its row kept; one Clio only marks is marked."""
        clio_id = await scene.some_record()
        await scene.delete(clio_id)
        await scene.reconcile()
        unlike = await scene.unlike_clio(clio_id)
        assert not unlike, f"reconciling left a deleted record unlike Clio:{listed(unlike)}"


class WebhookContract(Case):
    """Tests of deliveries: the mock sends them to the API's port, signed, as Clio would."""

    @only_where(_tells)
    async def test_a_webhook_tells_of_a_creation(self, scene: Scene) -> None:
        """A record created at Clio is in the mirror as soon as its delivery is settled."""
        await lifecycle.register(scene.services, scene.firm)
        clio_id = await scene.create()
        await self._settled(scene, clio_id, "created")
        unlike = await scene.unlike_clio(clio_id)
        assert not unlike, f"the delivery left the mirror unlike Clio:{listed(unlike)}"

    @only_where(lambda case: _tells(case) and case.changes is not None)
    async def test_a_webhook_tells_of_an_edit(self, scene: Scene) -> None:
        """A record changed at Clio is changed in the mirror as soon as its delivery is settled."""
        clio_id = await scene.some_record()
        await lifecycle.register(scene.services, scene.firm)
        await scene.edit(clio_id, type(self).changes or {})
        await self._settled(scene, clio_id, "updated")
        unlike = await scene.unlike_clio(clio_id)
        assert not unlike, f"the delivery left the mirror unlike Clio:{listed(unlike)}"

    @only_where(_tells)
    async def test_a_webhook_tells_of_a_deletion(self, scene: Scene) -> None:
        """A record deleted at Clio is deleted in the mirror as soon as its delivery is settled."""
        clio_id = await scene.some_record()
        await lifecycle.register(scene.services, scene.firm)
        await scene.delete(clio_id)
        await self._settled(scene, clio_id, "deleted")
        row = await scene.row(clio_id)
        assert row is not None, f"{scene.resource.table_name}: the row is gone: rows outlive their records"
        assert row["presence"] == "deleted", f"{scene.resource.name} {clio_id} is {row['presence']} after its deletion"

    async def _settled(self, scene: Scene, clio_id: int, operation: str) -> None:
        """Process deliveries until the change is on record as one that a webhook brought.

        Raises:
            AssertionError: nothing came; the message holds what became of the deliveries.
        """

        async def arrived() -> bool:
            await process_deliveries(scene.services)
            return bool(
                await scene.services.database.pool.fetchval(
                    """SELECT count(*) FROM change WHERE firm = $1 AND resource = $2 AND clio_id = $3
                           AND operation = $4 AND source = 'webhook'""",
                    scene.firm,
                    scene.resource.name,
                    clio_id,
                    operation,
                )
            )

        try:
            await until(arrived, timeout_s=10)
        except TimeoutError as error:
            deliveries = await scene.services.database.pool.fetch(
                "SELECT * FROM webhook_delivery WHERE firm = $1 AND record_clio_id = $2", scene.firm, clio_id
            )
            raise AssertionError(
                f"no webhook told that {scene.resource.name} {clio_id} was {operation}: check the model and the events "
                f"of its WebhookModel, and `model` of `declared`:{listed(map(dict, deliveries))}"
            ) from error
