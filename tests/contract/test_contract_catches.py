"""The contract finds each fault it is there for, and says what and where; it lists its tests truthfully."""

import inspect
import re
import shutil
from pathlib import Path

import pytest

from core.testing.contract import ResourceContract
from tests.installing import ROOT, run

CAUGHT = {
    "AsksForMore": {
        "test_clio_takes_the_fields": "Clio refuses the fields of AsksForMore",
        "test_every_field_is_kept": r"AsksForMore\.to_row makes nothing of \['shoe_size'\]",
    },
    "ClosedList": {
        "test_any_record_is_kept_whole": "do not fit their payload model in: subscription_type",
    },
    "Counting": {
        "test_the_same_record_again_writes_nothing": "user: the same record was written twice",
    },
    "TwoWays": {
        "test_a_page_is_read_alike_either_way": r"user: a page read the quick way has other values.*\n.*  groups",
    },
    "Ageless": {
        "test_an_older_record_changes_nothing": "leave updated_at as Clio sends it",
    },
    "Wider": {
        "test_a_row_has_exactly_the_own_columns": r"UserPayload\.to_row leaves out \['motto', 'shoe_size'\]",
        "test_every_own_column_may_be_null": r"users_user: declare \['motto'\] with null=True",
        "test_the_migrations_make_the_table": "shoe_size: the migrations make nothing, declared is integer",
        "test_every_own_column_is_served_or_says_why_not": r"User: add the fields \['shoe_size', 'motto'\]",
    },
    "EdgeOfText": {
        "test_edges_follow_an_indexed_bigint": "twin: name is text without an index",
    },
    "HalfUndone": {
        "test_the_table_is_named_after_the_plugin": "table users_user: name it staff_<resource>",
        "test_every_migration_can_be_undone": r"0001_staff\.down\.sql does not undo 0001_staff\.up\.sql",
    },
}
"""The tests that each broken resource fails, and what they say."""

SAID = r"^_+ Test(\w+\.\w+) _+$(.*?)(?=^_{3,} Test|^={3,})"


@pytest.mark.timeout(300)
def test_each_fault_is_caught_by_name(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "broken_resources.py", tmp_path / "test_broken.py")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["core.testing.fixtures"]\n')
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    chosen = [f"test_broken.py::Test{name}::{test}" for name, tests in CAUGHT.items() for test in tests]
    answer = run(None, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, cwd=tmp_path)
    said = dict(re.findall(SAID, answer.stdout, re.MULTILINE | re.DOTALL))
    wrong = {
        f"{name}.{test}": said.get(f"{name}.{test}", "passed")[-2000:]
        for name, tests in CAUGHT.items()
        for test, message in tests.items()
        if not re.search(message, said.get(f"{name}.{test}", ""))
    }
    assert wrong == {}, answer.stderr


def promises() -> dict[str, str]:
    """Return what each test of the contract promises, by its name."""
    return {
        name: inspect.getdoc(test) or ""
        for name, test in inspect.getmembers(ResourceContract, inspect.isfunction)
        if name.startswith("test_")
    }


def test_the_page_lists_every_test_with_its_promise() -> None:
    page = (ROOT / "docs" / "plugins" / "testing.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(test_\w+)` \| (.+?) \|", page, re.MULTILINE)) == promises()
