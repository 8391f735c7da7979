"""Encoded columns on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hgl.features.table import TableWriter
from hgl.typing import TableLayout


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing to reserve space with")
def test_space_is_reserved_before_it_is_mapped(tmp_path: Path) -> None:
    """A write to a hole of a mapped file kills the process where the disk is full."""
    layout = TableLayout(numerical=("a", "b"), knots=((), ()))
    TableWriter(tmp_path / "table", layout, 100_000)
    stat = (tmp_path / "table" / "numerical.npy").stat()
    assert stat.st_blocks * 512 >= stat.st_size
