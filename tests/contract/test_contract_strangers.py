"""The contract in packages of their own, run as their authors would: pytest in the folder, the package installed."""

import re
import shutil
from pathlib import Path

import pytest

from tests.installing import ROOT, install, run


@pytest.mark.timeout(300)
def test_a_resource_that_nobody_creates_keeps_it(tmp_path: Path) -> None:
    """Practice areas: no webhook, and no body with which one could be made; those tests are not collected."""
    package = ROOT / "tests" / "packages" / "practice_areas"
    source = shutil.copytree(package, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    site = install(tmp_path / "site", [source])
    answer = run(site, "-m", "pytest", "-v", "-p", "no:cacheprovider", cwd=source)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.search(r"\b\d+ passed in ", answer.stdout.splitlines()[-1])
    names = set(re.findall(r"::TestPracticeArea::(\w+) PASSED", answer.stdout))
    assert {"test_an_incremental_run_brings_an_edit", "test_a_backfill_mirrors_every_record"} < names
    assert not {name for name in names if "webhook" in name or "edge" in name or "deleted" in name}
