"""What a student learns from, and the batches it comes in."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.aggregates.table import FeatureTable
from hgl.models.table_mlp import TableMLP

SEED = "seed"
"""Node type of the only nodes there are."""


@dataclass(frozen=True)
class Lessons:
    """Columns of some seeds, and what is known of each.

    Attributes:
        numerical: [n, numbers] float32, NaN where not known.
        categorical: [n, texts] int64 codes.
        extra: [n, extra] float32 columns that are ready for a network; extra may be 0.
        target: [n] or [n, labels] float32, regression in units of the spread; NaN without a label.
        taught: [n, out_channels] float32 teacher's outputs; rows of NaN where it was not asked.
        codes: [n, codes] float32 log-probabilities of the teacher's codes, or [n, 0]; NaN likewise.
    """

    numerical: Tensor
    categorical: Tensor
    extra: Tensor
    target: Tensor
    taught: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return len(self.target)


def columns_of(table: FeatureTable) -> tuple[Tensor, Tensor]:
    """Return what a student reads of a feature table: numbers and codes."""
    numbers = np.nan_to_num(table.numerical, nan=np.nan, posinf=np.nan, neginf=np.nan)
    return torch.as_tensor(numbers, dtype=torch.float32), torch.as_tensor(table.categorical)


@dataclass
class LessonLoader:
    """Batches of lessons, as `hgl.train.trainer.Trainer` wants them.

    Attributes:
        answers: [n] or [n, labels] what predictions are scored against, as the task has it.
        shuffle: in another order each epoch.
        seed: of the order.
    """

    lessons: Lessons
    answers: np.ndarray | None = None
    batch_size: int = 512
    shuffle: bool = False
    seed: int = 0
    epoch: int = 0

    @property
    def seeds(self) -> LessonLoader:
        """What has `target`."""
        return self

    @property
    def target(self) -> np.ndarray | None:
        """What predictions are scored against."""
        return self.answers

    def __len__(self) -> int:
        return -(-len(self.lessons) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order."""
        self.epoch = epoch

    def __iter__(self) -> Generator[HeteroData, None, None]:
        order = torch.arange(len(self.lessons))
        if self.shuffle:
            draws = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(len(self.lessons), generator=draws)
        # Evenly: a batch of one row has no spread to normalise by.
        for rows in order.tensor_split(len(self)):
            batch = HeteroData()
            store = batch[SEED]
            store.input_id = store.y = rows
            store.numerical = self.lessons.numerical[rows]
            store.categorical = self.lessons.categorical[rows]
            store.extra = self.lessons.extra[rows]
            yield batch


class Pupil(nn.Module):
    """A student as `Trainer` wants a model: its outputs, then its code where it has one."""

    def __init__(self, mlp: TableMLP) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, batch: HeteroData) -> Tensor:
        """[batch, out_channels + code_channels]."""
        store = batch[SEED]
        extra = store.extra if self.mlp.extra else None
        hidden = self.mlp.hidden(store.numerical, store.categorical, extra)
        out = self.mlp.head(hidden)
        if self.mlp.projection is None:
            return out
        return torch.cat([out, self.mlp.code(hidden)], dim=1)
