"""Mapped arrays are what was written, whatever the system is told about reading them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from hgl import mapped as module
from hgl.mapped import mapped, read_ahead


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


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no /proc to see advice in")
@pytest.mark.parametrize("short", [0, 1])
def test_what_memory_holds_is_read_ahead(
    short: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_AHEAD_BELOW", 1000)
    sizes = {"large": 3000, "small": 10, "other": 3000}
    for name, size in sizes.items():
        np.save(tmp_path / f"{name}.npy", np.arange(size))
    arrays = {name: torch.from_numpy(mapped(tmp_path / f"{name}.npy")) for name in sizes}
    monkeypatch.setattr(module, "room", lambda: 8 * 3010 - short)
    read_ahead([arrays["large"], arrays["small"], torch.zeros(0)])
    assert ("rr" in _advice(tmp_path / "large.npy")) == bool(short)
    assert "rr" in _advice(tmp_path / "other.npy")
    assert "rr" not in _advice(tmp_path / "small.npy")


def test_a_mapping_that_is_gone_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_AHEAD_BELOW", 0)
    np.save(tmp_path / "a.npy", np.arange(10))
    before = len(module._LARGE)
    array = mapped(tmp_path / "a.npy")
    assert len(module._LARGE) == before + 1
    del array
    assert len(module._LARGE) == before


def test_an_empty_array_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", np.empty((0, 4)))
    assert mapped(tmp_path / "none.npy").shape == (0, 4)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        mapped(tmp_path / "objects.npy")
