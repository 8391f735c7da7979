"""A table's columns as a `TensorFrame` (arXiv:2404.00776), for pytorch-frame's models."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hgl.errors import MissingExtra
from hgl.features.table import TableFeatures
from hgl.typing import TIMESTAMP_PARTS, TableLayout

if TYPE_CHECKING:
    from torch_frame import TensorFrame
    from torch_frame.data.stats import StatType


def tensor_frame(features: TableFeatures, rows: Tensor | None = None) -> TensorFrame:
    """Hand a table to pytorch-frame; the extra `frame` installs it.

    Numerical columns become `numerical`, [rows, columns] float32: scaled, missing is NaN. Give
    their encoder an `na_strategy`, since pytorch-frame's gradients are NaN where a value is.

    Categorical and boolean columns become `categorical`, [rows, columns] int64: missing is -1, the
    most frequent category 0, as pytorch-frame has them; what the statistics did not see, which
    pytorch-frame would call missing, is the last category.

    Timestamp and text columns become `embedding`, in this order. An instant is its
    `TIMESTAMP_PARTS`, zero where missing, then 1 where missing, else 0: embeddings have no
    `na_strategy`. The stype `timestamp` wants the calendar year, which features do not hold.

    Args:
        features: the table, from `hgl.features.encode.encode` or `SeedLoader.features`.
        rows: [n] int64 positions to copy, on the blocks' device; None for all rows.
    Returns: on the blocks' device; a table without features keeps its number of rows.
    Raises: MissingExtra: pytorch-frame is not installed.
    """
    torch_frame, layout = _library(), features.layout
    if rows is None:
        rows = torch.arange(features.num_rows, device=features.device)
    blocks = features.gather(rows)
    columns: dict[Any, tuple[list[str], Any]] = {}
    if "numerical" in blocks:
        columns[torch_frame.numerical] = [*layout.numerical], blocks["numerical"]
    if "categorical" in blocks:
        codes = _categories(blocks["categorical"], layout.cardinalities)
        columns[torch_frame.categorical] = [*layout.categorical], codes
    if vectors := _vectors(blocks):
        joined = torch_frame.data.MultiEmbeddingTensor.from_tensor_list(vectors)
        columns[torch_frame.embedding] = [*layout.timestamp, *layout.text], joined
    return torch_frame.TensorFrame(
        feat_dict={stype: feat for stype, (_, feat) in columns.items()},
        col_names_dict={stype: names for stype, (names, _) in columns.items()},
        num_rows=rows.numel(),
    )


def col_stats(layout: TableLayout) -> dict[str, dict[StatType, Any]]:
    """Describe the columns of `tensor_frame` as pytorch-frame's models ask for.

    All of it comes from training time. Numbers are scaled already, so MEAN is 0 and STD 1;
    QUANTILES are the quartiles of a column's distinct knots. COUNT lists the categories by code,
    without counts, which the statistics do not keep: `CatToNumTransform` cannot be fitted.

    Returns: statistics per column.
    Raises: MissingExtra: pytorch-frame is not installed.
    """
    stat = _library().data.stats.StatType
    stats: dict[str, dict[StatType, Any]] = {}
    for column, knots in zip(layout.numerical, layout.knots, strict=True):
        stats[column] = {stat.MEAN: 0.0, stat.STD: 1.0, stat.QUANTILES: _quartiles(knots)}
    for column, cardinality in zip(layout.categorical, layout.cardinalities, strict=True):
        stats[column] = {stat.COUNT: ([*range(cardinality - 1)], [])}
    stats |= {column: {stat.EMB_DIM: TIMESTAMP_PARTS + 1} for column in layout.timestamp}
    stats |= {column: {stat.EMB_DIM: layout.text_channels} for column in layout.text}
    return stats


def _library() -> ModuleType:
    try:
        import torch_frame
    except ImportError:
        raise MissingExtra("pytorch-frame", "frame", "a TensorFrame") from None
    return torch_frame


def _categories(codes: Tensor, cardinalities: tuple[int, ...]) -> Tensor:
    """Our codes (0 missing, 1 unknown, then known) to -1 missing, known from 0, unknown last."""
    unknown = torch.tensor(cardinalities, device=codes.device) - 2
    return torch.where(codes == 1, unknown, (codes.long() - 2).clamp(min=-1))


def _vectors(blocks: Mapping[str, Tensor]) -> list[Tensor]:
    """[rows, width] of each timestamp, then of each text column."""
    vectors: list[Tensor] = []
    if "timestamp" in blocks:
        instants = blocks["timestamp"]
        missing = instants[:, :, :1].isnan().to(instants.dtype)
        vectors += torch.cat([instants.nan_to_num(0.0), missing], dim=2).unbind(1)
    if "text" in blocks:
        vectors += blocks["text"].unbind(1)
    return vectors


def _quartiles(knots: tuple[float, ...]) -> list[float]:
    """Least to greatest; zeros for a column that training never saw a number in."""
    return np.quantile(knots or (0.0,), [0, 0.25, 0.5, 0.75, 1]).tolist()
