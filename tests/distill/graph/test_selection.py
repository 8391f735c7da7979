"""The epoch that validation likes best is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from hgl.distill.graph.selection import Schedule, fit


class Count(nn.Module):
    """A weight that each epoch moves; `told` says how sure it is of which label when."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.epochs = 0

    def loss(self) -> Tensor:
        assert self.training
        self.epochs += 1
        return -self.weight


def telling(model: Count, margins: list[list[float]]) -> Callable[[], Tensor]:
    """Logits of two nodes, whose first class leads by the epoch's margins."""
    left: Iterator[list[float]] = iter(margins)

    def logits() -> Tensor:
        assert not model.training
        assert not torch.is_grad_enabled()
        return torch.tensor([[margin, 0.0] for margin in next(left)])

    return logits


@pytest.mark.parametrize(
    ("margins", "best", "accuracy"),
    [
        # Accuracy first, whatever the cost of the other node.
        ([[1, -1], [3, -1], [0.1, 0.1], [9, -9]], 2, 1.0),
        # Then the lower cross-entropy, then the earlier epoch.
        ([[1, 1], [2, 2], [2, 2], [1, 1]], 1, 1.0),
        ([[-1, -1], [-2, -2], [-3, -3], [-4, -4]], 0, 0.0),
    ],
)
def test_the_best_epoch_is_kept(margins: list[list[float]], best: int, accuracy: float):
    model, labels = Count(), torch.zeros(2, dtype=torch.int64)
    schedule = Schedule(lr=1.0, weight_decay=0.0, epochs=4, every=1)
    found = fit(model, model.loss, telling(model, margins), labels, schedule)
    assert found == accuracy
    # Adam's step on a constant gradient is its learning rate.
    assert model.weight.item() == pytest.approx(best + 1, abs=1e-3)
    assert not model.training


def test_patience_ends_training():
    model, labels = Count(), torch.zeros(1, dtype=torch.int64)
    margins = [[1.0], [2.0], [0.0], [0.0], [0.0], [9.0]]
    schedule = Schedule(lr=1.0, weight_decay=0.0, epochs=6, patience=3, every=1)
    fit(model, model.loss, telling(model, margins), labels, schedule)
    assert model.epochs == 5
    assert model.weight.item() == pytest.approx(2, abs=1e-3)


def test_validation_can_be_rarer_than_epochs():
    model, labels = Count(), torch.zeros(1, dtype=torch.int64)
    schedule = Schedule(lr=1.0, weight_decay=0.0, epochs=6, every=3)
    fit(model, model.loss, telling(model, [[1.0], [2.0]]), labels, schedule)
    assert model.weight.item() == pytest.approx(4, abs=1e-3)
