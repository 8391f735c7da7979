"""The controller is trained, by what held-out rows say of the student's next step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hgl.distill.adaptive_ratio import AdaptiveRatio, Controller
from hgl.distill.lessons import LessonLoader, Lessons, Pupil
from hgl.distill.objective import StudentObjective
from hgl.models.table_mlp import TableMLP
from tests.distill.pupils import lessons, objective


def _adaptive(
    taught: Lessons, answers: np.ndarray, lr: float = 0.01
) -> tuple[AdaptiveRatio, Pupil]:
    torch.manual_seed(0)
    pupil = Pupil(TableMLP(numbers=4, cardinalities=[5], out_channels=1, channels=16, dropout=0.0))
    blend = StudentObjective(objective(answers), taught, ratio=lambda out, rows: 0.5, temperature=1)
    return AdaptiveRatio(blend, pupil, taught, lr=lr, seed=0), pupil


def test_the_outer_loss_reaches_every_weight_of_the_controller() -> None:
    adaptive, _ = _adaptive(*lessons())
    slopes = torch.autograd.grad(
        adaptive.outer_loss(torch.arange(64)), [*adaptive.controller.parameters()]
    )
    assert all(slope.abs().max() > 0 for slope in slopes)


def test_its_gradient_is_that_of_finite_differences() -> None:
    taught, answers = lessons()
    adaptive, pupil = _adaptive(taught, answers)
    adaptive.controller.double(), pupil.double()
    for name in ("_truth", "_teacher", "_mean"):
        setattr(adaptive, name, getattr(adaptive, name).double())
    for name in ("numerical", "target", "taught"):
        object.__setattr__(taught, name, getattr(taught, name).double())
    bias = adaptive.controller.layers[-1].bias

    def outer(shift: float) -> torch.Tensor:
        adaptive._draws.manual_seed(1)
        with torch.no_grad():
            bias.add_(shift)
        loss = adaptive.outer_loss(torch.arange(64))
        with torch.no_grad():
            bias.sub_(shift)
        return loss

    (slope,) = torch.autograd.grad(outer(0.0), [bias])
    wanted = (outer(1e-4) - outer(-1e-4)).item() / 2e-4
    torch.testing.assert_close(slope, torch.tensor([wanted]).double(), rtol=1e-4, atol=1e-9)


def test_a_teacher_that_lies_loses_trust() -> None:
    taught, answers = lessons(2000)
    liar = replace(taught, taught=-taught.taught)
    shares = []
    for rows in (taught, liar):
        adaptive, pupil = _adaptive(rows, answers, lr=0.02)
        steps = torch.optim.SGD(pupil.parameters(), lr=0.02)
        for epoch in range(12):
            loader = LessonLoader(rows, None, 200, shuffle=True, seed=epoch)
            for batch in loader:
                picked = batch["seed"].y
                steps.zero_grad()
                adaptive.losses(pupil(batch), picked).mean().backward()
                steps.step()
        whole = next(iter(LessonLoader(rows, batch_size=len(rows))))
        with torch.no_grad():
            shares.append(float(adaptive.ratio(pupil(whole), torch.arange(len(rows))).mean()))
    honest, lying = shares
    assert lying < honest - 0.02


def test_held_out_rows_teach_nothing_but_the_controller() -> None:
    taught, answers = lessons()
    adaptive, pupil = _adaptive(taught, answers)
    rows = adaptive.held_out
    assert rows.tolist() == list(range(540, 600))
    batch = next(iter(LessonLoader(taught, batch_size=600)))
    losses = adaptive.losses(pupil(batch), torch.arange(600))
    assert losses[rows].abs().max() == 0
    assert (losses[:540] > 0).all()


def test_it_works_for_values_and_for_classes() -> None:
    for kind, width in (("regression", 1), ("multiclass", 3)):
        taught, answers = lessons(kind="regression")
        if kind == "multiclass":
            answers = np.digitize(answers, [-1, 1])
            columns = (taught.numerical, taught.categorical, taught.extra)
            out = torch.randn(600, 3, generator=torch.Generator().manual_seed(0))
            codes = torch.as_tensor(answers, dtype=torch.float32)
            taught = Lessons(*columns, codes, out, taught.codes)
        pupil = Pupil(TableMLP(numbers=4, cardinalities=[5], out_channels=width, channels=8))
        blend = StudentObjective(
            objective(answers, kind), taught, ratio=lambda out, rows: 0.5, temperature=2
        )
        adaptive = AdaptiveRatio(blend, pupil, taught, lr=0.01, seed=0)
        before = [p.clone() for p in adaptive.controller.parameters()]
        batch = next(iter(LessonLoader(taught, batch_size=100)))
        adaptive.losses(pupil(batch), batch["seed"].y).mean().backward()
        assert any(
            not torch.equal(a, b) for a, b in zip(before, adaptive.controller.parameters())
        ), kind


def test_a_controller_takes_nine_numbers_an_output() -> None:
    sides = [torch.rand(5, 3) for _ in range(4)]
    found = Controller(3)(*sides)
    assert found.shape == (5,)
    assert ((found > 0) & (found < 1)).all()
