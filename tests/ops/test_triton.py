"""Triton's kernels: in its interpreter, on CUDA where present, and compiled for a GPU not here."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from hgl.errors import ConfigError
from hgl.ops import Segments, backend, weighted_segment_sum
from hgl.ops.backends import running

HERE = Path(__file__).parent
CASES = str(HERE / "triton_cases.py")
needs_triton = pytest.mark.skipif(
    find_spec("triton") is None, reason="triton is not installed (it comes with torch for CUDA)"
)


def python(*args: str, **environment: str) -> None:
    """Run python in its own process: triton reads its environment when it is imported."""
    done = subprocess.run(
        [sys.executable, *args],
        env=os.environ | environment,
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]


@needs_triton
@pytest.mark.timeout(900)
def test_in_the_interpreter():
    kernels = str(HERE / "test_kernels.py")
    chosen = "triton and not hundred_thousand"  # CASES has such a segment, too
    python("-m", "pytest", "-q", "-k", chosen, CASES, kernels, TRITON_INTERPRET="1")


@needs_triton
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda():
    python("-m", "pytest", "-q", CASES, TRITON_INTERPRET="0")


@needs_triton
def test_kernels_compile_for_an_h100(tmp_path: Path):
    python(str(HERE / "compile_triton.py"), TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path))


def test_triton_is_for_cuda():
    by_itself = running("cpu")
    assert by_itself == ("numba" if find_spec("numba") else "torch")
    assert running("cuda") == ("triton" if find_spec("triton") else "torch")
    if find_spec("triton") is None:
        with pytest.raises(ConfigError, match=r"^backend='triton': not installed; "):
            backend("triton")
    elif not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"^backend='triton': expected a CUDA device"):
            backend("triton")
    else:
        s = Segments.from_edge_index(torch.zeros(2, 1, dtype=torch.int64), 1, 1)
        with backend("triton"), pytest.raises(ConfigError, match="is on cpu, expected cuda"):
            weighted_segment_sum(torch.ones(1, 1, 1), torch.ones(1, 1), s)
    assert running("cpu") == by_itself
