"""Mapped arrays are what was written, whatever the system is told about reading them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hgl import mapped as module
from hgl.mapped import mapped


def _advice(path: Path) -> set[str]:
    """Flags of the mapping of a file, from the kernel's own list."""
    parts = re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    (flags,) = [re.findall(r"VmFlags: (.*)", p)[0] for p in parts if str(path) in p]
    return set(flags.split())


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no /proc to see advice in")
@pytest.mark.parametrize("size", [0, 10**9])
def test_large_arrays_are_read_page_by_page(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_AHEAD_BELOW", size)
    numbers, path = np.arange(3000).reshape(1000, 3), tmp_path / "numbers.npy"
    np.save(path, numbers)
    found = mapped(path)
    assert (found == numbers).all()
    # "rr": the kernel's word for random reads.
    assert ("rr" in _advice(path)) == (size == 0)
    found[0] = -1
    assert (np.load(path) == numbers).all()


def test_an_empty_array_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.empty((0, 4)))
    assert mapped(tmp_path / "none.npy").shape == (0, 4)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        mapped(tmp_path / "objects.npy")
