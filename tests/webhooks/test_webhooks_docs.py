"""The page on webhooks says what the code does."""

import re
from pathlib import Path

from core.webhooks import answers
from core.webhooks.states import TRANSITIONS

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_the_drawn_state_machine_is_the_enforced_one() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", PAGE, re.MULTILINE))
    assert drawn == {(source, target) for source, targets in TRANSITIONS.items() for target in targets}


def test_every_refusal_is_in_the_table() -> None:
    for answer in vars(answers).values():
        if isinstance(answer, answers.Answer) and answer.status != 200:
            code = answer.body.decode().partition('"code":"')[2].partition('"')[0]
            assert re.search(rf"^\| {answer.status} \|[^|]*`{code}`", PAGE, re.MULTILINE), code
