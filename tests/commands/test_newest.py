"""Which folder is the newest, where clocks can be trusted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hgl.commands.newest import latest
from hgl.errors import ConfigError


def test_a_clock_that_was_moved_back_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [Path("outputs", "shop", name, "results.yaml") for name in ("before", "after")]
    for file, age in zip(files, (10, 5), strict=True):
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    assert latest("run", "train", "results.yaml").name == "after"
    os.utime(files[0], (time.time() + 3600,) * 2)
    with pytest.raises(ConfigError, match=r"before/results\.yaml' is of a time to come"):
        latest("run", "train", "results.yaml")
