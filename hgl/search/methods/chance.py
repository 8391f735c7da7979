"""Torch's random numbers, borrowed and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def drawn_from(rng: np.random.Generator) -> Iterator[None]:
    """Let torch draw from a seed of `rng`, and leave its own state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        yield
