"""Stores on every database that answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.db.conftest import scratch


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database for a store, on each kind in turn."""
    with scratch(request.param, tmp_path) as url:
        yield url
