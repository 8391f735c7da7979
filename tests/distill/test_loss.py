"""Every KL is a true one, and what is not known does not count."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hgl.distill.loss import DISTILLATIONS, blended, divergence

KINDS = {"binary": (6, 1), "multilabel": (6, 3), "multiclass": (6, 4), "regression": (6, 1)}


def _target(kind: str) -> torch.Tensor:
    random = np.random.default_rng(0)
    if kind == "regression":
        return torch.tensor(random.normal(size=6), dtype=torch.float32)
    if kind == "multiclass":
        return torch.tensor(random.integers(4, size=6), dtype=torch.float32)
    shape = (6,) if kind == "binary" else (6, 3)
    return torch.tensor(random.integers(2, size=shape), dtype=torch.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_a_student_that_agrees_has_nothing_to_learn(kind: str, temperature: float) -> None:
    out = torch.randn(KINDS[kind], generator=torch.Generator().manual_seed(0))
    loss = DISTILLATIONS[kind](temperature)
    assert loss.teach(out, out, _target(kind)).abs().max() < 1e-6
    other = loss.teach(
        out, out + torch.tensor([1.0, -1.0, 0.5, 0.0])[: out.shape[1]], _target(kind)
    )
    assert (other >= -1e-6).all()
    assert other.max() > 1e-3


def test_bernoulli_kl_is_the_categorical_one_of_two_classes() -> None:
    out, taught = torch.tensor([[0.3], [-2.0]]), torch.tensor([[1.5], [0.1]])
    pairs = [torch.cat([x, torch.zeros_like(x)], dim=1) for x in (out, taught)]
    target = torch.zeros(2)
    binary = DISTILLATIONS["binary"](2.0).teach(out, taught, target)
    assert torch.allclose(binary, DISTILLATIONS["multiclass"](2.0).teach(*pairs, target))


def test_divergence_is_zero_at_agreement_and_at_most_log_m_from_uniform() -> None:
    log_p = torch.randn(50, 64, generator=torch.Generator().manual_seed(0)).mul(5).log_softmax(1)
    uniform = torch.full_like(log_p, -math.log(64))
    assert divergence(log_p, log_p).abs().max() < 1e-6
    assert (divergence(log_p, uniform) <= math.log(64) + 1e-5).all()


def test_a_regression_learns_from_a_teacher_only_where_it_is_nearer() -> None:
    out, taught = torch.tensor([[1.0], [1.0], [1.0]]), torch.tensor([[0.5], [3.0], [3.0]])
    target = torch.tensor([0.0, 1.2, math.nan])
    loss = DISTILLATIONS["regression"](1.0).teach(out, taught, target)
    assert loss.tolist() == pytest.approx([0.25, 0.0, 4.0])


def test_labels_that_are_missing_do_not_count() -> None:
    out = torch.tensor([[0.5, -1.0, 2.0]])
    target = torch.tensor([[1.0, math.nan, 0.0]])
    loss = DISTILLATIONS["multilabel"](1.0).task(out, target)
    wanted = F.binary_cross_entropy_with_logits(out[:, [0, 2]], target[:, [0, 2]])
    assert loss.item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_learn_from_what_they_have(kind: str) -> None:
    """Label and teacher, label alone, teacher alone, neither."""
    loss = DISTILLATIONS[kind](2.0)
    out, taught = torch.randn(2, *KINDS[kind], generator=torch.Generator().manual_seed(1))
    target = _target(kind)
    target[[2, 3]], taught[[1, 3]] = math.nan, math.nan
    found = blended(loss, out.requires_grad_(), target, taught, 0.25)
    hard, soft = loss.task(out[:2], target[:2]), loss.teach(out, taught, target)
    wanted = [0.75 * hard[0] + 0.25 * soft[0], hard[1], soft[2], torch.tensor(0.0)]
    assert torch.allclose(found[:4], torch.stack(wanted))
    found.sum().backward()
    assert out.grad is not None
    assert out.grad.isfinite().all()


def test_the_ratio_may_differ_by_row_and_has_a_gradient() -> None:
    out, taught = torch.randn(2, 6, 1, generator=torch.Generator().manual_seed(1))
    ratio = torch.linspace(0, 1, 6).requires_grad_()
    loss = DISTILLATIONS["binary"](1.0)
    found = blended(loss, out, _target("binary"), taught, ratio)
    hard, soft = loss.task(out, _target("binary")), loss.teach(out, taught, _target("binary"))
    assert torch.allclose(found, (1 - ratio) * hard + ratio * soft)
    found.sum().backward()
    assert ratio.grad is not None
    assert torch.allclose(ratio.grad, soft - hard, atol=1e-6)
