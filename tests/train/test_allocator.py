"""Freed memory goes back to the system when asked, and stays with the process when not."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import sys
import numpy as np
from hgl.train.allocator import free_eagerly

def resident():
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "eagerly" and not free_eagerly():
    sys.exit(7)
np.ones(30_000_000, np.uint8)
before, kept = resident(), []
for _ in range(20):
    # A small block above each large one: the heap cannot shrink from its end.
    large = np.ones(8_000_000, np.uint8)
    kept.append((large, np.ones(20_000, np.uint8)))
held = resident() - before
kept = [small for _, small in kept]
del large
print(held, resident() - before)
"""


def megabytes(how: str) -> tuple[float, float]:
    """Megabytes held by living blocks, then by freed ones."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    found = subprocess.run([sys.executable, "-c", MEASURE, how], capture_output=True, text=True)
    if found.returncode == 7:
        pytest.skip("the C library is not glibc")
    held, freed = map(float, found.stdout.split())
    return held, freed


def test_freed_blocks_go_back_only_when_asked():
    held, freed = megabytes("eagerly")
    assert held > 150
    assert freed < 20
    held, freed = megabytes("lazily")
    assert held > 150
    assert freed > 100
