"""What `Trainer` minimises for a student: labels, a teacher's outputs and its codes, in one sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hgl.distill.lessons import Lessons
from hgl.distill.loss import DISTILLATIONS, blended, divergence
from hgl.nn.codebook import Codebook
from hgl.train.objective import Objective

Ratio = Callable[[Tensor, Tensor], Tensor | float]
"""The teacher's share of each row's loss: (student's outputs, rows of the lessons) to [n]."""


class StudentObjective:
    """(1 - ratio) task + ratio KD + code_weight KL(teacher's codes || student's), row by row.

    Implements `hgl.train.objective.Objective`; targets are rows of the lessons.

    Args:
        objective: of the teacher; makes predictions out of outputs.
        lessons: what is learnt.
        ratio: of the teacher, where a row has a label as well.
        temperature: at which distributions are compared.
        codebook, tau: the teacher's codes and the temperature of their soft assignments; None: the
            student has no code.
        code_weight: of the codes.
    """

    def __init__(
        self,
        objective: Objective,
        lessons: Lessons,
        *,
        ratio: Ratio,
        temperature: float,
        codebook: Codebook | None = None,
        tau: float = 1.0,
        code_weight: float = 1.0,
    ) -> None:
        self.kind, self.out_channels = objective.kind, objective.out_channels
        self._objective, self._lessons, self._ratio = objective, lessons, ratio
        self._distillation = DISTILLATIONS[objective.kind](temperature)
        self._codebook, self._tau, self._code_weight = codebook, tau, code_weight

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        """Outputs (and code) and rows of the lessons, to [batch]."""
        return self.weighed(out, target, self._ratio(out[:, : self.out_channels], target))

    def weighed(self, out: Tensor, rows: Tensor, ratio: Tensor | float) -> Tensor:
        """The losses for a given ratio; differentiable in it."""
        answers, code = out[:, : self.out_channels], out[:, self.out_channels :]
        lessons = self._lessons
        loss = blended(
            self._distillation, answers, lessons.target[rows], lessons.taught[rows], ratio
        )
        if self._codebook is None:
            return loss
        wanted = lessons.codes[rows]
        known = ~wanted.isnan().any(1)
        guessed = self._codebook.log_assignments(code[known], self._tau)
        there = torch.zeros_like(loss).index_put((known,), divergence(wanted[known], guessed))
        return loss + self._code_weight * there

    def predict(self, out: Tensor) -> np.ndarray:
        """As the teacher's objective predicts."""
        return self._objective.predict(out[:, : self.out_channels])
