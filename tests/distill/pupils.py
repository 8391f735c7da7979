"""Rows whose answer is in their columns, and students of them."""

from __future__ import annotations

import numpy as np
import torch

from hgl.distill.lessons import Lessons
from hgl.train.objective import Objective, objective_for


def lessons(rows: int = 600, *, seed: int = 0, kind: str = "binary") -> tuple[Lessons, np.ndarray]:
    """Answers that depend on two of four numbers and on one of three texts, some of them noise."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 4))
    codes = random.integers(2, 5, size=(rows, 1))
    score = numbers[:, 0] - numbers[:, 1] + (codes[:, 0] - 3)
    logits = 2 * score
    if kind == "regression":
        answers = score + 0.3 * random.normal(size=rows)
    else:
        answers = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(float)
    numbers[random.random(numbers.shape) < 0.02] = np.nan
    taught = torch.as_tensor((score if kind == "regression" else logits)[:, None])
    return (
        Lessons(
            torch.as_tensor(numbers, dtype=torch.float32),
            torch.as_tensor(codes),
            torch.empty(rows, 0),
            torch.as_tensor(answers, dtype=torch.float32),
            taught.float(),
            torch.empty(rows, 0),
        ),
        answers,
    )


def objective(answers: np.ndarray, kind: str = "binary") -> Objective:
    return objective_for(kind, answers)
