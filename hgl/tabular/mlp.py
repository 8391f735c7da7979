"""An MLP on pruned compiled columns, which nobody taught: the student without a teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from hgl.aggregates.prune import prune
from hgl.aggregates.table import FeatureTable
from hgl.distill.lessons import Lessons, columns_of
from hgl.distill.material import in_units
from hgl.distill.student import StudentSettings, train_student
from hgl.errors import check_range
from hgl.tabular.asked import Answered, Asked, TableModel
from hgl.train.objective import objective_for
from hgl.train.trainer import Progress


@dataclass(frozen=True)
class ColumnsMLP(TableModel):
    """The MLP of `hgl.models.table_mlp`, trained on labels alone.

    Attributes:
        most: columns that pruning keeps at most.
        channels: width of the hidden layers.
        num_layers: hidden layers.
        dropout: probability, behind each hidden layer.
        lr: peak learning rate.
        weight_decay: AdamW's.
        max_epochs: passes over the training seeds.
        patience: epochs without a better validation value before stopping.
    Raises: ConfigError: a value is out of range.
    """

    most: int = 64
    channels: int = 128
    num_layers: int = 2
    dropout: float = 0.4
    lr: float = 0.002
    weight_decay: float = 0.1
    max_epochs: int = 40
    patience: int = 8

    def __post_init__(self) -> None:
        check_range("most", self.most, 1)

    def answer(self, asked: Asked) -> Answered:
        """Fit on train, choose the epoch on validation, predict the later splits."""
        tables, (train, val) = asked.tables(), (asked.train, asked.val)
        objective = objective_for(train.task.kind, train.answers)
        with asked.phases("pruning"):
            kind, most = train.task.kind, self.most
            plan = prune(
                tables["train"], train.answers, tables["val"], val.answers, kind, most=most
            )
        lessons = {split: _unlabelled(table.keep(plan)) for split, table in tables.items()}
        with asked.phases("training"):
            student = train_student(
                plan,
                _labelled(tables["train"].keep(plan), in_units(objective, train.answers)),
                {split: part for split, part in lessons.items() if split != "train"},
                val.answers,
                objective,
                self._settings(),
                metric=train.task.metric,
                taught=False,
                tokens=None,
                seed=asked.trainer.seed,
                folder=asked.folder,
            )
        return Answered(student.predictions, Progress())

    def _settings(self) -> StudentSettings:
        return StudentSettings(
            channels=self.channels,
            num_layers=self.num_layers,
            dropout=self.dropout,
            lr=self.lr,
            weight_decay=self.weight_decay,
            max_epochs=self.max_epochs,
            patience=self.patience,
        )


def _labelled(table: FeatureTable, target: torch.Tensor) -> Lessons:
    numerical, categorical = columns_of(table)
    nothing = torch.full((len(table), 1), np.nan)
    extra = torch.empty(len(table), 0)
    return Lessons(numerical, categorical, extra, target, nothing, nothing[:, :0])


def _unlabelled(table: FeatureTable) -> Lessons:
    return _labelled(table, torch.full((len(table),), np.nan))
