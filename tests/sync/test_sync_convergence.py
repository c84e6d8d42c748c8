"""Whatever happens at Clio beside runs of every kind, whoever is stopped: after one sweep the mirror is as Clio is."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from core.registry import Registry
from core.services import Services
from core.testing.driving import Control
from mock_clio.settings import MockSettings
from tests.sync.story import Chapter, Edit, Story, of_small_pages

EDITS = st.lists(
    st.builds(
        Edit,
        op=st.sampled_from(["create", "update", "delete", "delete", "hide", "hide", "show"]),
        share=st.floats(0, 1, exclude_max=True),
        told=st.booleans(),
    ),
    max_size=3,
)
CHAPTERS = st.builds(
    Chapter,
    kind=st.sampled_from(["backfill", "incremental", "reconcile"]),
    pages=st.lists(EDITS, max_size=4),
    stop=st.none() | st.tuples(st.integers(0, 3), st.sampled_from(["lapse", "cancel"])),
)


HIDE, SHOW, DELETE = (Edit(op, 0.9, told=True) for op in ("hide", "show", "delete"))
HIDDEN_AND_SHOWN = [
    Chapter("backfill", [], None),
    Chapter("incremental", [[HIDE, HIDE]], None),
    Chapter("reconcile", [[DELETE]], (1, "lapse")),
    Chapter("reconcile", [[SHOW]], None),
]
TOLD_BESIDE_A_BACKFILL = [Chapter("backfill", [[DELETE, DELETE], [DELETE], [HIDE]], (1, "cancel"))]


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.users, mock_settings.contacts, mock_settings.matters = 2, 3, 2
    mock_settings.activities = mock_settings.documents = 0
    return mock_settings


@pytest.mark.parametrize("resource", ["contact", "activity", "document"])
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a story takes minutes, and one is short anyway
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(chapters=HIDDEN_AND_SHOWN)
@example(chapters=TOLD_BESIDE_A_BACKFILL)
@given(chapters=st.lists(CHAPTERS, min_size=1, max_size=4))
async def test_any_story_ends_with_the_mirror_as_clio_is(
    services: Services,
    registry: Registry,
    firm: int,
    control: Control,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    chapters: Sequence[Chapter],
) -> None:
    services.registry = of_small_pages(registry, resource)
    story = Story(services, firm, control, resource)
    await story.begin(monkeypatch)
    for chapter in chapters:
        await story.tell(chapter)
    await story.sweep()
    assert story.wrong == []
