"""The page on the mock tells the truth about switches, control paths, options, and its sample runs."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mock_clio.__main__ import main
from mock_clio.control.endpoints import Control
from mock_clio.settings import MockSettings
from mock_clio.state import MockState
from mock_clio.switches import Switches

PAGE = (Path(__file__).parents[2] / "docs" / "mock-clio.md").read_text()


@pytest.mark.parametrize(("name", "default"), msgspec.to_builtins(Switches()).items())
def test_a_switch_is_listed_with_its_default(name: str, default: object) -> None:
    assert f"| `{name}` | `{json.dumps(default)}` |" in PAGE


def test_no_other_switch_is_listed() -> None:
    section = PAGE.split("## Switches")[1].split("##")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(Switches.__struct_fields__)


def test_every_control_path_is_listed() -> None:
    section = PAGE.split("## Control interface")[1].split("##")[0]
    for method, path in Control(MockState(MockSettings(contacts=0, matters=0))).routes:
        assert f"`{method} {path or '/__mock__/'}`" in section, (method, path)


def test_every_option_is_listed() -> None:
    for parameter in main.params:
        assert f"`{parameter.opts[0]}`" in PAGE, parameter.name


async def test_the_sample_runs() -> None:
    sample = PAGE.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(sample, "docs/mock-clio.md", "exec"), names)  # noqa: S102 - the point is to run what the page shows
    assert await names["main"]() == ["created"]
