"""Training one student, by the training loop that everything here is trained by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from hgl.aggregates.feature import LONG_TAILED
from hgl.aggregates.plan import FeaturePlan
from hgl.distill.adaptive_ratio import AdaptiveRatio
from hgl.distill.lessons import LessonLoader, Lessons, Pupil
from hgl.distill.objective import StudentObjective
from hgl.distill.tokenizer import Tokens
from hgl.errors import check_range
from hgl.models.table_mlp import TableMLP
from hgl.tasks.metrics import METRICS
from hgl.train.objective import Objective, seed_everything
from hgl.train.trainer import Trainer

_BATCH = 4096
"""Rows that are predicted at once."""


@dataclass(frozen=True)
class StudentSettings:
    """How students are built and trained.

    Attributes:
        channels: width of the hidden layers.
        num_layers: hidden layers.
        dropout: probability, behind each hidden layer.
        lr: peak learning rate.
        weight_decay: AdamW's.
        batch_size: None: a twentieth of the rows, 128 to 4096.
        max_epochs: passes over the training seeds.
        patience: epochs without a better validation value before stopping.
        average: decay of a running average of the weights, which is what is kept.
        ratio: the teacher's share of the loss of rows that have a label too.
        adaptive: learn that share per row instead (TGeo-KD); about three times slower.
        temperature: at which distributions over classes are compared.
        code_weight: of the codes, where they are learnt.
    Raises: ConfigError: a value is out of range.
    """

    channels: int = 128
    num_layers: int = 2
    dropout: float = 0.4
    lr: float = 0.002
    weight_decay: float = 0.1
    batch_size: int | None = None
    max_epochs: int = 40
    patience: int = 8
    average: float = 0.98
    ratio: float = 0.5
    adaptive: bool = False
    temperature: float = 2.0
    code_weight: float = 1.0

    def __post_init__(self) -> None:
        check_range("batch_size", self.batch_size, 1)
        check_range("ratio", self.ratio, 0, 1)
        check_range("temperature", self.temperature, 0.01)
        check_range("code_weight", self.code_weight, 0)

    def network(
        self, plan: FeaturePlan, out_channels: int, *, code_channels: int, extra: int = 0
    ) -> TableMLP:
        """Build a student of the columns of `plan`, its weights random."""
        return TableMLP(
            numbers=len(plan.numerical),
            cardinalities=plan.cardinalities,
            out_channels=out_channels,
            channels=self.channels,
            num_layers=self.num_layers,
            dropout=self.dropout,
            code_channels=code_channels,
            extra=extra,
        )


@dataclass(frozen=True)
class Student:
    """A trained student.

    Attributes:
        score: on validation, of the epoch that was kept; higher is better where `sign` is 1, lower
            where it is -1.
        predictions: split to predictions, in the order of its lessons.
        outputs: split to [n, out_channels] outputs before they become predictions.
    """

    mlp: TableMLP
    plan: FeaturePlan
    score: float
    sign: int
    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: dict[str, np.ndarray] = field(default_factory=dict)


def train_student(
    plan: FeaturePlan,
    train: Lessons,
    rest: Mapping[str, Lessons],
    answers: np.ndarray,
    objective: Objective,
    settings: StudentSettings,
    *,
    metric: str,
    taught: bool,
    tokens: Tokens | None,
    seed: int,
    folder: Path,
) -> Student:
    """Train a student and predict the other splits; the epoch is chosen on `val`.

    Args:
        plan: of the columns.
        rest: `val` and whatever else is predicted.
        answers: of `val`, as the task has them.
        taught: whether the teacher's outputs count; else labels alone do.
        tokens: the teacher's codes; None: they do not count.
        folder: receives the weights; what it holds of this student is not trained again, but where
            the ratio is adaptive, which is not kept.
    Raises: TrainingError, CacheError: as `Trainer.fit` says.
    """
    seed_everything(seed)
    code_channels = tokens.codebook.channels if tokens else 0
    mlp = settings.network(
        plan,
        objective.out_channels,
        code_channels=code_channels,
        extra=train.extra.shape[1],
    )
    mlp.fit_columns(train.numerical, [f.function in LONG_TAILED for f in plan.numerical])
    pupil, trainer = Pupil(mlp), _trainer(settings, seed)
    loaders = {
        split: LessonLoader(part, answers if split == "val" else None, _BATCH)
        for split, part in rest.items()
    }

    def ratio(out: Tensor, rows: Tensor) -> float:
        return settings.ratio if taught else 0.0

    blend = StudentObjective(
        objective,
        train,
        ratio=ratio,
        temperature=settings.temperature,
        codebook=tokens.codebook if tokens else None,
        tau=tokens.tau if tokens else 1.0,
        code_weight=settings.code_weight,
    )
    adaptive = taught and settings.adaptive
    learnt: Objective = (
        AdaptiveRatio(blend, pupil, train, lr=settings.lr, seed=seed) if adaptive else blend
    )
    folder.mkdir(parents=True, exist_ok=True)
    size = settings.batch_size or min(max(len(train) // 20, 128), 4096)
    lessons = LessonLoader(train, None, size, shuffle=True, seed=seed)
    progress = trainer.fit(
        pupil, learnt, lessons, loaders["val"], metric=metric, folder=folder, resume=not adaptive
    )
    assert progress.best is not None
    outputs = {s: trainer.outputs(pupil, loader) for s, loader in loaders.items()}
    return Student(
        mlp.eval(),
        plan,
        progress.best,
        METRICS[metric].sign,
        {s: learnt.predict(out) for s, out in outputs.items()},
        {s: out[:, : objective.out_channels].numpy() for s, out in outputs.items()},
    )


def weights_of(folder: Path, rung: str, seed: int) -> Path:
    """Return the file of a student's weights, below the folder of a distillation."""
    return folder / "students" / rung / f"seed-{seed}" / "model.safetensors"


def _trainer(settings: StudentSettings, seed: int) -> Trainer:
    return Trainer(
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        max_epochs=settings.max_epochs,
        patience=settings.patience,
        warmup_steps=20,
        average=settings.average,
        device="cpu",
        seed=seed,
    )
