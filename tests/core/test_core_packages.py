"""Plugins in packages of their own: one that works, one that is broken, installed as a stranger would install them."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from core.clio.priority import Priority
from core.services import Services
from core.settings import Settings
from tests.installing import install, run

PACKAGES = Path(__file__).parents[1] / "packages"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed both packages, built from their source."""
    folder = tmp_path_factory.mktemp("strangers")
    sources = folder / "sources"
    shutil.copytree(PACKAGES, sources)
    return install(folder / "site", sources.iterdir())


SCENE = """
import asyncio, json
from core.logging import configure_logging
from core.process import migrate_all
from core.loading import load_plugins
from core.services import Services
from core.settings import load_settings
from core.sync import engine, requesting, runs

async def main():
    configure_logging()
    services = Services(load_settings(), load_plugins())
    async with services.open():
        applied = await migrate_all(services)
        firm = await services.database.pool.fetchval("SELECT id FROM firm")
        ids = await requesting.request_runs(services, firms=[firm], resource="practice_area", full=False)
        outcome = await engine.work_on(services, ids[0], owner="test")
        rows = await services.database.pool.fetch("SELECT clio_id, name FROM practice_areas_practice_area ORDER BY 1")
        print(json.dumps({"applied": applied, "outcome": outcome, "rows": [list(row) for row in rows]}))

asyncio.run(main())
"""


def test_a_separately_installed_plugin_loads_and_a_broken_one_is_refused_by_name(installed: Path) -> None:
    answer = run(installed, "-c", "from core.cli import main; main()", "plugins", "list", "--json")
    described = json.loads(answer.stdout)
    assert answer.returncode == 1  # something was refused, and the status says so
    loaded = {plugin["name"]: plugin for plugin in described["loaded"]}
    assert loaded["practice_areas"]["resources"] == ["practice_area"]
    assert loaded["practice_areas"]["distribution"] == "clio-practice-areas"
    assert {"users", "contacts", "matters", "schema"} < loaded.keys()
    [refused] = described["refused"]
    assert refused["name"] == "broken"
    assert "SomethingThatWasNeverThere" in refused["reason"]


def test_its_type_is_in_the_schema(installed: Path) -> None:
    answer = run(installed, "-c", "from core.cli import main; main()", "schema", "print")
    assert answer.returncode == 0, answer.stderr
    for line in ("type PracticeArea implements", "  practiceArea(", "  practiceAreas("):
        assert line in answer.stdout


async def test_its_resource_is_mirrored_with_no_change_to_core(
    installed: Path, services: Services, settings: Settings, firm: int
) -> None:
    listed = await services.accounts.client(firm).request(
        "GET", "practice_areas.json", priority=Priority.BACKFILL, params={"fields": "id,name", "order": "id(asc)"}
    )
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "CLIO_CLIENT_ID": settings.clio_client_id,
        "CLIO_CLIENT_SECRET": settings.clio_client_secret.get_secret_value(),
        "CLIO_BASE_URL": str(settings.clio_base_url),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
    }
    answer = await asyncio.to_thread(run, installed, "-c", SCENE, environment=environment)
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["applied"] == ["practice_areas/0001_practice_areas"]
    assert told["outcome"] == "succeeded"
    assert told["rows"] == [[each["id"], each["name"]] for each in listed["data"]]
    assert len(told["rows"]) > 0
