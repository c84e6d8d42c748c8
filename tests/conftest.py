"""The fixtures of the test kit, for every test: real servers on loopback. See `core.testing.fixtures`."""

import os

import pytest

from core.settings import Settings

pytest_plugins = ["core.testing.fixtures"]

collect_ignore = ["packages"]
"""Packages as strangers have them: their own tests are run where they are installed."""


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of our settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    assert "DATABASE_URL" not in os.environ
    return monkeypatch
