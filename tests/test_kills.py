"""Killed at random moments, commands end as if they had not been."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="it watches processes in /proc")
@pytest.mark.timeout(900)
def test_a_few_kills_change_nothing() -> None:
    """`benchmarks/kills.py` does it some hundred times: see docs/nothing_lost.md."""
    phases = ["ingest", "graph", "training", "search workers=2"]
    words = ["--kills", "4", "--phases", ",".join(phases)]
    command = [sys.executable, "benchmarks/kills.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [name for name, *_ in rows] == phases
    assert sum(int(kills) for _, kills, *_ in rows) == 4
    for phase, _, rounds, same, again, believed in rows:
        assert (rounds, believed) == (same, "0")
        assert again == ("–" if phase == "ingest" else "0")
