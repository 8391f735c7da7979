"""Columns of a row to one vector, one kernel per column type."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag
from torch.utils.checkpoint import checkpoint

from hgl.typing import TIMESTAMP_PARTS, NodeType, TableLayout

CLIP = 3.0
"""Scaled numbers bend towards +-CLIP, so that one outlier cannot own a sum over neighbours."""


class NumericalExpansion(nn.Module):
    """Scaled numbers to features a linear layer can bend: value, missing flag, quantile bins.

    The bins are the piecewise-linear encoding of arXiv:2203.05556: bin k holds how far the value
    has come between knot k and knot k + 1, from 0 to 1.

    Args:
        knots: ascending knots per column, possibly none.
    """

    def __init__(self, knots: tuple[tuple[float, ...], ...]) -> None:
        super().__init__()
        self.num_bins = max((0, *(len(k) - 1 for k in knots)))
        lower = torch.full((len(knots), self.num_bins), torch.inf)
        width = torch.ones(len(knots), self.num_bins)
        for column, points in enumerate(knots):
            for k, (low, high) in enumerate(pairwise(points)):
                lower[column, k], width[column, k] = low, high - low
        self.register_buffer("lower", lower, persistent=False)
        self.register_buffer("width", width, persistent=False)
        self.out_channels = len(knots) * (self.num_bins + 2)

    def forward(self, values: Tensor) -> Tensor:
        """[rows, columns], NaN where missing, to [rows, out_channels]."""
        missing = values.isnan()
        known = values.masked_fill(missing, 0.0)
        clipped = known / (1 + (known / CLIP).square()).sqrt()
        bins = ((known.unsqueeze(2) - self.lower) / self.width).clamp(0, 1)
        bins = bins.masked_fill(missing.unsqueeze(2), 0.0)
        return torch.cat([clipped, missing.to(values.dtype), bins.flatten(1)], dim=1)


class ResidualBlock(nn.Module):
    """x + W2 relu(W1 norm(x)), with dropout between."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[rows, channels] to the same shape."""
        return x + self.body(x)


class TableEncoder(nn.Module):
    """Encode the rows of one table.

    Args:
        layout: the table's columns.
        channels: width of a row's vector.
        num_blocks: residual blocks after the first linear layer.
        dropout: probability inside the blocks.
    """

    def __init__(
        self, layout: TableLayout, *, channels: int, num_blocks: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.numbers = NumericalExpansion(layout.knots)
        width = (
            1  # a constant, which is all that a table without features has
            + self.numbers.out_channels
            + len(layout.timestamp) * (TIMESTAMP_PARTS + 1)
            + len(layout.text) * layout.text_channels
        )
        self.layout = layout
        self.linear = nn.Linear(width, channels, bias=False)
        self.codes = nn.Embedding(sum(layout.cardinalities), channels)
        starts = torch.tensor([0, *layout.cardinalities]).cumsum(0)[:-1]
        self.register_buffer("starts", starts.to(torch.int32), persistent=False)
        self.blocks = nn.Sequential(*(ResidualBlock(channels, dropout) for _ in range(num_blocks)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the embeddings small beside the linear part."""
        nn.init.normal_(self.codes.weight, std=0.1)

    def forward(self, columns: Mapping[str, Tensor], num_rows: int) -> Tensor:
        """Blocks as in `TableLayout` (absent where empty) to [num_rows, channels]."""
        x = self.linear(self._inputs(columns, num_rows))
        if "categorical" in columns:
            x += embedding_bag(columns["categorical"] + self.starts, self.codes.weight, mode="sum")
        return self.blocks(x)

    def column_parts(self, columns: Mapping[str, Tensor], num_rows: int) -> dict[str, Tensor]:
        """What each column adds to the sum that `blocks` then bends: [num_rows, channels] each.

        The constant, which is the same for every row, is left out.
        """
        inputs, owners = self._inputs(columns, num_rows), self._owners()
        parts = {
            name: inputs[:, mine] @ self.linear.weight[:, mine].T
            for name in dict.fromkeys(filter(None, owners))
            for mine in [[i for i, owner in enumerate(owners) if owner == name]]
        }
        if "categorical" in columns:
            codes = (columns["categorical"] + self.starts).unbind(1)
            parts |= zip(self.layout.categorical, map(self.codes, codes), strict=True)
        return parts

    def _owners(self) -> list[str | None]:
        """The column each input of `linear` comes from, in the order of `_inputs`."""
        numbers, layout = list(self.layout.numerical), self.layout
        bins = [name for name in numbers for _ in range(self.numbers.num_bins)]
        parts = [name for name in layout.timestamp for _ in range(TIMESTAMP_PARTS)]
        texts = [name for name in layout.text for _ in range(layout.text_channels)]
        return [None, *numbers, *numbers, *bins, *parts, *layout.timestamp, *texts]

    def _inputs(self, columns: Mapping[str, Tensor], num_rows: int) -> Tensor:
        parts = [self.linear.weight.new_ones(num_rows, 1)]
        if "numerical" in columns:
            parts.append(self.numbers(columns["numerical"]))
        if "timestamp" in columns:
            instants = columns["timestamp"].flatten(1)
            missing = columns["timestamp"][:, :, 0].isnan()
            parts += [instants.nan_to_num(0.0).clamp(-CLIP, CLIP), missing.to(instants.dtype)]
        if "text" in columns:
            parts.append(columns["text"].flatten(1))
        return torch.cat(parts, dim=1)


class RowEncoder(nn.Module):
    """Encode the rows of every table.

    Args:
        layouts: columns of each table (node type).
        channels: width of a row's vector.
        num_blocks: residual blocks per table.
        dropout: probability inside the blocks.
        recompute: encode again in backward instead of keeping what lies between (activation
            checkpointing, arXiv:1604.06174): one table's worth of memory at a time.
    """

    def __init__(
        self,
        layouts: Mapping[NodeType, TableLayout],
        *,
        channels: int,
        num_blocks: int = 2,
        dropout: float = 0.0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.node_types = sorted(layouts)
        self.tables = nn.ModuleList(
            TableEncoder(layouts[t], channels=channels, num_blocks=num_blocks, dropout=dropout)
            for t in self.node_types
        )

    def forward(
        self, columns: Mapping[NodeType, Mapping[str, Tensor]], num_rows: Mapping[NodeType, int]
    ) -> dict[NodeType, Tensor]:
        """Blocks of the distinct rows per type to [rows, channels] per type, in type order."""
        return {
            t: self._encode(encoder, columns[t], num_rows[t])
            for t, encoder in zip(self.node_types, self.tables, strict=True)
        }

    def _encode(self, encoder: nn.Module, columns: Mapping[str, Tensor], num_rows: int) -> Tensor:
        if self.recompute and self.training:
            return checkpoint(encoder, columns, num_rows, use_reentrant=False)
        return encoder(columns, num_rows)
