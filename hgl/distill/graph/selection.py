"""Full-batch training that keeps the epoch with the best validation accuracy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        lr: Adam's.
        weight_decay: Adam's.
        epochs: at most.
        patience: epochs without a better validation score before stopping.
        every: epochs between validations.
    """

    lr: float = 0.01
    weight_decay: float = 5e-4
    epochs: int = 200
    patience: int = 50
    every: int = 2


def fit(
    model: nn.Module,
    loss: Callable[[], Tensor],
    logits: Callable[[], Tensor],
    labels: Tensor,
    schedule: Schedule,
) -> float:
    """Train; the model is left in evaluation mode with the weights of its best epoch.

    Args:
        model: what is trained.
        loss: a scalar, called once an epoch in training mode.
        logits: [validation nodes, classes], called in evaluation mode.
        labels: [validation nodes].
    Returns: the best epoch's validation accuracy, 0 to 1; of equal ones the lower cross-entropy is
        better.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.Adam(trained, lr=schedule.lr, weight_decay=schedule.weight_decay, fused=True)
    best, state, best_epoch = (-1.0, 0.0), copy.deepcopy(model.state_dict()), 0
    for epoch in range(schedule.epochs):
        model.train()
        adam.zero_grad()
        loss().backward()
        adam.step()
        if epoch % schedule.every:
            continue
        score = _score(model, logits, labels)
        if score > best:
            best, state, best_epoch = score, copy.deepcopy(model.state_dict()), epoch
        if epoch - best_epoch >= schedule.patience:
            break
    model.load_state_dict(state)
    model.eval()
    return best[0]


@torch.no_grad()
def _score(model: nn.Module, logits: Callable[[], Tensor], labels: Tensor) -> tuple[float, float]:
    """Accuracy, then how little it costs to be told the labels."""
    model.eval()
    found = logits()
    accuracy = (found.argmax(1) == labels).float().mean()
    return float(accuracy), -float(cross_entropy(found, labels))
