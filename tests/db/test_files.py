"""A file is whole or absent, whoever writes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hgl.db.files import aside_of


def test_two_writers_leave_what_one_of_them_wrote(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with aside_of(path) as first:
        first.write_text("first")
        with aside_of(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("whole")
    with pytest.raises(TypeError), aside_of(path) as aside:
        aside.write_text(5)  # type: ignore[arg-type]
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_left_is_swept_away(tmp_path: Path) -> None:
    for name in (".a[b].00000001.part", ".a[b].00000002.part", ".other.00000001.part"):
        (tmp_path / name).touch()
    for name in (".a[b].00000001.part", ".other.00000001.part"):
        os.utime(tmp_path / name, (0, 0))
    with aside_of(tmp_path / "a[b]") as aside:
        aside.touch()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a[b]", ".a[b].00000002.part", ".other.00000001.part"}
