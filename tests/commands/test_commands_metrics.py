"""`clio-service metrics rebuild`: how many deliveries were counted on stdout, and the exit status."""

from core.metrics.epochs import LOCK_KEY, read_epoch
from core.services import Services
from core.settings import Settings
from tests.commands.shell import shell


async def test_it_counts_the_log_anew(services: Services, settings: Settings) -> None:
    await services.database.pool.execute(
        """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body)
           SELECT 1, 1, 'matter', 'matter', 'updated', int4send(n), '{}' FROM generate_series(1, 3) AS n"""
    )
    status, stdout, stderr = await shell(settings, "metrics", "rebuild")
    assert (status, stdout) == (0, "3\n"), stderr
    epoch = await read_epoch(services.redis)
    assert epoch is not None
    assert epoch.counted_at is not None


async def test_it_says_that_another_process_is_at_it(services: Services, settings: Settings) -> None:
    await services.redis.set(LOCK_KEY, "of another process")
    status, stdout, stderr = await shell(settings, "metrics", "rebuild")
    assert (status, stdout) == (1, "")
    assert "another process" in stderr
