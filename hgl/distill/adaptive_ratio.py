"""How far to trust the teacher, row by row: TGeo-KD (arXiv:2312.15112).

A small controller looks at the triangle of student, teacher and truth. It is trained through one
step of the student, taken with the ratios it gave and scored on rows held out at the end of
training time. (The published code calls its controller without gradient, so it never learns.)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from hgl.distill.lessons import LessonLoader, Lessons, Pupil
from hgl.distill.objective import StudentObjective

HELD_OUT = 0.1
"""Share of the labelled rows, the last ones, that score the controller and teach nothing else."""
BINS = 8
"""Of a regression's target, each with a mean teacher."""
_BATCH = 256


class Controller(nn.Module):
    """9 numbers per output to a share in (0, 1).

    Args:
        out_channels: C.
    """

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        widths = (9 * out_channels, 32, 16, 1)
        self.layers = nn.Sequential(
            *(nn.Linear(widths[0], widths[1]), nn.ReLU()),
            *(nn.Linear(widths[1], widths[2]), nn.ReLU()),
            nn.Linear(widths[2], widths[3]),
        )

    def forward(self, student: Tensor, teacher: Tensor, truth: Tensor, mean: Tensor) -> Tensor:
        """Four [n, C], to [n]."""
        pairs = ((student, mean), (student, truth), (student, teacher), (teacher, truth))
        distances = [(a - b).square() for a, b in (*pairs, (mean, truth))]
        sides = torch.cat([student, teacher, truth, mean, *distances], dim=1)
        return self.layers(sides)[:, 0].sigmoid()


class AdaptiveRatio:
    """A `StudentObjective` whose ratio is a controller's. Implements `Objective`.

    Args:
        objective: whose ratio is replaced.
        pupil: the student that is trained.
        lessons: sorted by time; those with a label and a teacher's output count.
        lr: of the student's step that is looked ahead, and of the controller.
        seed: of the controller and of what it is scored on.
    """

    def __init__(
        self, objective: StudentObjective, pupil: Pupil, lessons: Lessons, *, lr: float, seed: int
    ) -> None:
        self.kind, self.out_channels = objective.kind, objective.out_channels
        self._objective, self._pupil, self._lessons, self._lr = objective, pupil, lessons, lr
        self._draws = torch.Generator().manual_seed(seed)
        self.controller = Controller(self.out_channels)
        self._optimizer = torch.optim.Adam(self.controller.parameters(), lr=lr)
        both = ~(_by_row(lessons.target.isnan()) | lessons.taught.isnan().any(1))
        rows = both.nonzero()[:, 0]
        self.held_out = rows[len(rows) - int(HELD_OUT * len(rows)) :]
        self._teaches = torch.ones(len(lessons), dtype=torch.bool)
        self._teaches[self.held_out] = False
        self._truth = _truth(self.kind, lessons.target, self.out_channels)
        self._teacher = self._shares(lessons.taught)
        self._mean = _class_means(self.kind, self._teacher, self._truth, both)

    def losses(self, out: Tensor, target: Tensor) -> Tensor:
        """Outputs (and code) and rows of the lessons, to [batch]; the controller learns first."""
        teaches = self._teaches[target]
        if torch.is_grad_enabled() and len(self.held_out) and teaches.any():
            self._learn(target[teaches])
        with torch.no_grad():
            ratio = self.ratio(out, target)
        return self._objective.weighed(out, target, ratio) * teaches

    def predict(self, out: Tensor) -> np.ndarray:
        """As the student's objective predicts."""
        return self._objective.predict(out)

    def ratio(self, out: Tensor, rows: Tensor) -> Tensor:
        """The teacher's share for some rows of the lessons, [n]; what is not known reads 0."""
        student = self._shares(out[:, : self.out_channels].detach())
        sides = (student, *(x[rows] for x in (self._teacher, self._truth, self._mean)))
        return self.controller(*(side.nan_to_num() for side in sides))

    def outer_loss(self, rows: Tensor) -> Tensor:
        """Loss on held-out rows after one step of the student on `rows`; differentiable."""
        weights = {n: p.detach().requires_grad_() for n, p in self._pupil.named_parameters()}
        out = functional_call(self._pupil, weights, (self._batch(rows),))
        inner = self._objective.weighed(out, rows, self.ratio(out, rows)).mean()
        slopes = torch.autograd.grad(
            inner, [*weights.values()], create_graph=True, allow_unused=True
        )
        stepped = {
            n: w if slope is None else w - self._lr * slope
            for (n, w), slope in zip(weights.items(), slopes)
        }
        picked = torch.randint(len(self.held_out), (_BATCH,), generator=self._draws)
        seen = self.held_out[picked]
        out = functional_call(self._pupil, stepped, (self._batch(seen),))
        return self._objective.weighed(out, seen, 0.0).mean()

    def _learn(self, rows: Tensor) -> None:
        loss = self.outer_loss(rows)
        self._optimizer.zero_grad()
        for weight, slope in zip(
            self.controller.parameters(),
            torch.autograd.grad(loss, [*self.controller.parameters()]),
            strict=True,
        ):
            weight.grad = slope
        self._optimizer.step()

    def _batch(self, rows: Tensor) -> object:
        parts = {name: tensor[rows] for name, tensor in vars(self._lessons).items()}
        return next(iter(LessonLoader(Lessons(**parts), batch_size=len(rows))))

    def _shares(self, out: Tensor) -> Tensor:
        """Outputs as what answers are made of: probabilities, or values as they are."""
        if self.kind == "regression":
            return out
        return out.softmax(1) if self.kind == "multiclass" else out.sigmoid()


def _by_row(found: Tensor) -> Tensor:
    return found if found.dim() == 1 else found.any(1)


def _truth(kind: str, target: Tensor, out_channels: int) -> Tensor:
    """[n, C] answers; NaN without one."""
    if kind != "multiclass":
        return target.reshape(len(target), -1)
    truth = torch.eye(out_channels)[target.nan_to_num().long()]
    return truth.masked_fill(target.isnan()[:, None], np.nan)


def _class_means(kind: str, teacher: Tensor, truth: Tensor, both: Tensor) -> Tensor:
    """[n, C]: of each row, the mean teacher over rows with the same answer (or in its bin)."""
    keys = truth.nan_to_num()
    if kind == "regression":
        inner = torch.linspace(0, 1, BINS + 1)[1:-1]
        keys = torch.bucketize(keys, keys[both].quantile(inner)).float()
    _, group = keys.unique(dim=0, return_inverse=True)
    groups = int(group.max()) + 1
    sums = torch.zeros(groups, teacher.shape[1]).index_add(0, group[both], teacher[both])
    counts = group[both].bincount(minlength=groups).clamp(min=1)
    return (sums / counts[:, None])[group]
