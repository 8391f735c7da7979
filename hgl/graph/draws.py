"""Counter-based random numbers: each is a hash of what it is for, so no order of work matters."""

from __future__ import annotations

import torch
from torch import Tensor


def mix(state: Tensor) -> Tensor:
    """splitmix64's output for each int64 state; arithmetic wraps.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014.
    """
    z = (state ^ _shift(state, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def stream(keys: Tensor, count: int) -> Tensor:
    """The first `count` random int64 numbers of each key: [n] to [n, count]."""
    steps = torch.arange(1, count + 1, device=keys.device) * _GOLDEN
    return mix(keys.unsqueeze(1) + steps)


def random_keys(seed: int, epoch: int, positions: Tensor, purpose: int = 0) -> Tensor:
    """A 64-bit key per position, independent across seeds, epochs and purposes.

    Args:
        positions: [n] int64.
        purpose: tells apart the uses of one position.
    Returns: [n] int64.
    """
    parts = torch.tensor([seed, epoch, purpose], device=positions.device)
    state = mix(stream(parts, 3).diagonal().sum())
    return mix(state + mix(positions + _GOLDEN))


def unit(keys: Tensor) -> Tensor:
    """Keys as float64 numbers in [0, 1)."""
    return _shift(keys, 11).double() * 2.0**-53


def below(keys: Tensor, bound: Tensor) -> Tensor:
    """Keys as integers in [0, bound); the bias is below bound / 2^63."""
    return _shift(keys, 1) % bound


def _shift(z: Tensor, by: int) -> Tensor:
    """Logical shift to the right: torch's copies the sign."""
    return (z >> by) & ((1 << (64 - by)) - 1)


def _signed(constant: int) -> int:
    return constant - (1 << 64) if constant >= 1 << 63 else constant


_GOLDEN = _signed(0x9E3779B97F4A7C15)
