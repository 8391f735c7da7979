"""One loss for hard labels and a teacher's soft ones, per kind of task.

L = (1 - ratio) task + ratio KD. Both may be unknown (NaN): a row without a label learns from the
teacher alone, one without a teacher from its label alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

HUBER = 0.5
"""Error, in units of the target's spread, up to which Huber's loss is quadratic."""


class Distillation(Protocol):
    """What a student minimises, row by row; every input is free of NaN."""

    def task(self, out: Tensor, target: Tensor) -> Tensor:
        """[n, out_channels] against [n] or [n, labels] targets: [n]."""

    def teach(self, out: Tensor, taught: Tensor, target: Tensor) -> Tensor:
        """[n, out_channels] against a teacher's [n, out_channels]: [n].

        Args:
            target: as for `task`; NaN where it is not known.
        """


class Bernoulli:
    """Cross-entropy, and the KL of Bernoulli distributions softened by the temperature.

    For one label or several; labels that are NaN do not count.
    """

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def task(self, out: Tensor, target: Tensor) -> Tensor:
        target = target.view_as(out)
        known = ~target.isnan()
        raw = F.binary_cross_entropy_with_logits(out, target.nan_to_num(), reduction="none")
        return (raw * known).sum(1) / known.sum(1).clamp(min=1)

    def teach(self, out: Tensor, taught: Tensor, target: Tensor) -> Tensor:
        return _bernoulli_kl(out, taught, self.temperature).mean(1)


class Multiclass:
    """Cross-entropy, and the KL of softened distributions over classes."""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def task(self, out: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(out, target.long(), reduction="none")

    def teach(self, out: Tensor, taught: Tensor, target: Tensor) -> Tensor:
        student, teacher = ((x / self.temperature).log_softmax(1) for x in (out, taught))
        return divergence(teacher, student) * self.temperature**2


class Regression:
    """Huber's loss, and the squared distance to a teacher that is nearer the truth.

    Outputs and targets are in units of the training target's spread.
    """

    def __init__(self, temperature: float) -> None:
        pass

    def task(self, out: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(out[:, 0], target, reduction="none", beta=HUBER)

    def teach(self, out: Tensor, taught: Tensor, target: Tensor) -> Tensor:
        worse = (out[:, 0] - target).abs() > (taught[:, 0] - target).abs()
        # Where nobody knows the truth, the teacher is all there is.
        return (out[:, 0] - taught[:, 0]).square() * (worse | target.isnan())


DISTILLATIONS: Mapping[str, type[Bernoulli | Multiclass | Regression]] = {
    "binary": Bernoulli,
    "multilabel": Bernoulli,
    "multiclass": Multiclass,
    "regression": Regression,
}
"""By kind of task."""


def divergence(log_teacher: Tensor, log_student: Tensor) -> Tensor:
    """KL(teacher || student) of log-probabilities [n, classes]: [n]; 0 where they agree."""
    return F.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(1)


def blended(
    distillation: Distillation, out: Tensor, target: Tensor, taught: Tensor, ratio: Tensor | float
) -> Tensor:
    """Each row's loss.

    Args:
        out: [n, out_channels] of the student.
        target: [n] or [n, labels] float; NaN where not known.
        taught: [n, out_channels] of the teacher; rows of NaN where it was not asked.
        ratio: share of the teacher where both are known; a number, or [n].
    Returns: [n]; 0 where neither is known.
    """
    known = ~target.isnan() if target.dim() == 1 else ~target.isnan().all(1)
    asked = ~taught.isnan().any(1)
    ratio = torch.as_tensor(ratio, dtype=out.dtype).expand(len(out))
    ratio = torch.where(asked & known, ratio, asked.to(out.dtype))
    loss = out.new_zeros(len(out))
    loss[known] += (1 - ratio[known]) * distillation.task(out[known], target[known])
    loss[asked] += ratio[asked] * distillation.teach(out[asked], taught[asked], target[asked])
    return loss


def _bernoulli_kl(out: Tensor, taught: Tensor, temperature: float) -> Tensor:
    student, teacher = out / temperature, taught / temperature
    on = teacher.sigmoid()
    kl = on * (F.logsigmoid(teacher) - F.logsigmoid(student))
    kl += (1 - on) * (F.logsigmoid(-teacher) - F.logsigmoid(-student))
    return kl * temperature**2
