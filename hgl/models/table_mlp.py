"""An MLP over the columns of a seed: the student, with all preprocessing inside.

Its layers are normalised over the batch: alone of the common norms, that costs nothing once
exported. So a batch of one seed cannot be trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from hgl.errors import ConfigError, check_range

_GREATEST = torch.finfo(torch.float32).max
_CLIP = 10.0
"""Spreads from the centre; what lies further out is taken to lie there."""
_LEAST_LOG = 0.1
"""Least spread of a logarithm: dividing by less would enlarge how libraries differ in rounding."""
_UNKNOWN = 1
"""The code of a text that training did not see."""


class TableMLP(nn.Module):
    """Score seeds from raw numbers and codes; nothing needs to be scaled or filled in before.

    Args:
        numbers: numerical columns.
        cardinalities: of each categorical column, how many codes it has: 0 missing, 1 unknown,
            then its vocabulary.
        out_channels: outputs per seed.
        channels: width of the hidden layers.
        num_layers: hidden layers, at least 1.
        dropout: probability, behind each hidden layer.
        embedding_channels: width of a code's vector.
        code_channels: width of what `code` returns; 0: there is no such layer.
        extra: further columns that are ready for a network, such as a codebook's vectors.

    Raises: ConfigError: a size is out of range, or there is no column at all.
    """

    def __init__(
        self,
        *,
        numbers: int,
        cardinalities: Sequence[int],
        out_channels: int,
        channels: int = 128,
        num_layers: int = 2,
        dropout: float = 0.1,
        embedding_channels: int = 8,
        code_channels: int = 0,
        extra: int = 0,
    ) -> None:
        super().__init__()
        sizes = {"out_channels": out_channels, "channels": channels, "num_layers": num_layers}
        for name, size in {**sizes, "embedding_channels": embedding_channels}.items():
            check_range(name, size, 1)
        for name, size in {"numbers": numbers, "extra": extra}.items():
            check_range(name, size, 0)
        check_range("dropout", dropout, 0, 1)
        width = 2 * numbers + len(cardinalities) * embedding_channels + extra
        if not width:
            raise ConfigError("numbers=0, cardinalities=[], extra=0: expected at least one column")
        self.extra = extra
        self.numbers = _Numbers(numbers)
        self.texts = _Texts(cardinalities, embedding_channels)
        widths = [width, *[channels] * num_layers]
        self.layers = nn.Sequential(*(_layer(i, o, dropout) for i, o in pairwise(widths)))
        self.head = nn.Linear(channels, out_channels)
        self.projection = nn.Linear(channels, code_channels) if code_channels else None

    def fit_columns(
        self, numerical: np.ndarray | Tensor, long_tailed: np.ndarray | Sequence[bool]
    ) -> None:
        """Learn centres and spreads of the numerical columns, from training seeds only.

        Args:
            numerical: [n, numbers] float64; NaN and infinities are missing.
            long_tailed: [numbers] bool, columns whose (signed) logarithm is read.

        Raises: ConfigError: a shape is not that of the columns.
        """
        gaps = self.numbers.fit(np.asarray(numerical, np.float64), np.asarray(long_tailed, bool))
        # Nothing trains the weights of a flag that is never up. At zero, a gap that only comes up
        # later reads as the column's median, and not as noise.
        with torch.no_grad():
            weight = self.get_parameter("layers.0.0.weight")
            flags = weight[:, len(gaps) : 2 * len(gaps)]
            flags.masked_fill_(~gaps.to(flags.device), 0.0)

    def hidden(self, numerical: Tensor, categorical: Tensor, extra: Tensor | None = None) -> Tensor:
        """Return the last hidden layer, [batch, channels]; arguments as in `forward`.

        Raises: ConfigError: `extra` is absent, or given to a network built without.
        """
        if (extra is not None) != (self.extra > 0):
            given = "none" if extra is None else f"{extra.shape[1]}"
            raise ConfigError(f"extra columns: {given}; expected {self.extra}")
        blocks = [*self.numbers(numerical), self.texts(categorical)]
        if extra is not None:
            blocks.append(extra)
        return self.layers(torch.cat(blocks, dim=1))

    def code(self, hidden: Tensor) -> Tensor:
        """[batch, channels] to [batch, code_channels], where a codebook's vectors lie.

        Raises: ConfigError: built with code_channels=0.
        """
        if self.projection is None:
            raise ConfigError("code_channels=0: expected at least 1 for a code")
        return self.projection(hidden)

    def forward(
        self, numerical: Tensor, categorical: Tensor, extra: Tensor | None = None
    ) -> Tensor:
        """Score seeds.

        Args:
            numerical: [batch, numbers] float32, as computed; NaN and infinities are missing.
            categorical: [batch, texts] int64 codes; those out of range are unknown.
            extra: [batch, extra] float32; None where the model was built without.

        Returns: [batch, out_channels] logits.

        Raises: ConfigError: see `hidden`.
        """
        return self.head(self.hidden(numerical, categorical, extra))


def _layer(in_channels: int, channels: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, channels), nn.BatchNorm1d(channels), nn.ReLU(), nn.Dropout(dropout)
    )


def _scale(values: np.ndarray, least: float) -> tuple[float, float]:
    """Median and distance of the quartiles; the standard deviation where most values are one."""
    if not len(values):
        return 0.0, 1.0
    low, centre, high = np.quantile(values, [0.25, 0.5, 0.75])
    rounding = 1e-6 * max(abs(centre), 1e-6)
    spread = next((s for s in (high - low, values.std()) if s > rounding), 1.0)
    return float(centre), max(float(spread), least)


class _Numbers(nn.Module):
    """[batch, numbers] raw to two of that shape: standardised, and 1 where it is missing."""

    centre: Tensor
    spread: Tensor
    long_tailed: Tensor

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(numbers))
        self.register_buffer("spread", torch.ones(numbers))
        self.register_buffer("long_tailed", torch.zeros(numbers, dtype=torch.bool))

    def fit(self, numerical: np.ndarray, long_tailed: np.ndarray) -> Tensor:
        """Return [numbers] bool: columns where something is missing."""
        (count,) = self.centre.shape
        if numerical.ndim != 2 or numerical.shape[1] != count or long_tailed.shape != (count,):
            raise ConfigError(
                f"numerical {numerical.shape}, long_tailed {long_tailed.shape}: "
                f"expected [n, {count}] and [{count}]"
            )
        known = np.abs(numerical) <= _GREATEST
        logs = np.sign(numerical) * np.log1p(np.abs(numerical))
        values = np.where(long_tailed, logs, numerical)
        scales = [
            _scale(values[known[:, i], i], _LEAST_LOG if long_tailed[i] else 0.0)
            for i in range(count)
        ]
        self.centre.copy_(torch.tensor([c for c, _ in scales]))
        self.spread.copy_(torch.tensor([s for _, s in scales]))
        self.long_tailed.copy_(torch.from_numpy(long_tailed.copy()))
        return torch.from_numpy(~known.all(axis=0))

    def forward(self, numerical: Tensor) -> tuple[Tensor, Tensor]:
        size = numerical.abs()
        missing = ~(size <= _GREATEST)  # true of NaN, too; isfinite is five nodes when exported
        logs = numerical.sign() * size.log1p()
        values = torch.where(self.long_tailed, logs, numerical)
        values = ((values - self.centre) / self.spread).clamp(-_CLIP, _CLIP)
        return values.masked_fill(missing, 0.0), missing.to(values.dtype)


class _Texts(nn.Module):
    """[batch, texts] codes to [batch, texts * channels]: one lookup in one table for all columns.

    A table per column costs three times the whole network when serving single rows.
    """

    sizes: Tensor
    offsets: Tensor

    def __init__(self, cardinalities: Sequence[int], channels: int) -> None:
        super().__init__()
        for size in cardinalities:
            check_range("cardinalities", size, 2)
        sizes = torch.tensor([*cardinalities], dtype=torch.int64)
        self.register_buffer("sizes", sizes)
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)
        self.vectors = nn.Embedding(int(sizes.sum()), channels)
        with torch.no_grad():
            self.vectors.weight.mul_(channels**-0.5)
            # Where training knows every text it never moves: the middle of all vectors.
            self.vectors.weight[self.offsets + _UNKNOWN] = 0.0

    def forward(self, categorical: Tensor) -> Tensor:
        known = (categorical >= 0) & (categorical < self.sizes)
        codes = torch.where(known, categorical, _UNKNOWN) + self.offsets
        return self.vectors(codes).flatten(1)
