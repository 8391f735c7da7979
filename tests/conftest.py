"""Fixtures every test folder may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

SHARED = Path(os.environ.get("HGL_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))

# How long an example may take depends on what else the machine does.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every test run caches in a folder of its own, shared by its tests."""
    monkeypatch.setenv("HGL_CACHE", str(tmp_path_factory.getbasetemp() / "hgl-cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"development data absent: {SHARED} (set HGL_SHARED_DATA)")
    return SHARED
