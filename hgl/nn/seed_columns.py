"""Columns that belong to a seed rather than to a row: to one vector per seed."""

from __future__ import annotations

from torch import Tensor, nn


class SeedColumns(nn.Sequential):
    """Encode a seed's columns, such as `SeedAggregates`, for adding to what a network found.

    A row is encoded once for all the seeds that see it, so what differs from seed to seed joins
    after the graph network, not before.

    Args:
        num_columns: columns per seed; finite numbers of moderate size.
        channels: width of a seed's vector.
        dropout: probability between the two layers.
    """

    def __init__(self, num_columns: int, *, channels: int, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(num_columns, channels),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(channels, channels),
        )

    def forward(self, columns: Tensor) -> Tensor:
        """[seeds, num_columns] to [seeds, channels]."""
        return super().forward(columns)
