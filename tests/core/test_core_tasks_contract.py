"""The contract test of the example, run as its author would: pytest in its folder, the package as pip installed it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.core.test_core_tasks_example import PACKAGE
from tests.installing import install, run


@pytest.mark.timeout(300)
def test_the_example_holds_the_contract(tmp_path: Path) -> None:
    source = shutil.copytree(PACKAGE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    site = install(tmp_path / "site", [source])
    answer = run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=source)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    last = answer.stdout.strip().splitlines()[-1]
    assert re.search(r"\b\d+ passed\b", last)
    assert "skipped" not in last
