"""What a teacher thinks of a seed: its embedding, and its outputs before they are predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError
from hgl.tasks.seeds import SeedTable
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment


@dataclass(frozen=True)
class Observed:
    """A teacher's view of some seeds.

    Attributes:
        embedding: [n, channels] float32, what its head reads.
        out: [n, out_channels] float32, logits, or values in units of the target's spread.
    """

    embedding: Tensor
    out: Tensor


def observe(experiment: Experiment, run: TrainedRun, seeds: SeedTable) -> Observed:
    """Ask a teacher about `seeds`, each with the graph cut at its own time.

    Raises: ConfigError: the model has no `head` that reads one vector per seed.
    """
    loader = experiment.loader(run, seeds)
    watched = _Watched(run.model)
    try:
        found = experiment.trainer.outputs(watched, loader, phase="teacher")
    finally:
        watched.hook.remove()
    return Observed(found[:, watched.out_channels :], found[:, : watched.out_channels])


class _Watched(nn.Module):
    """A model that also returns what its head reads."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        head = getattr(model, "head", None)
        if not isinstance(head, nn.Module):
            raise ConfigError(
                f"teacher {type(model).__name__}: expected a model with a module `head`, which "
                "reads one vector per seed"
            )
        self.model, self.out_channels = model, 0
        self._read: Tensor | None = None
        self.hook = head.register_forward_hook(self._keep)

    def forward(self, batch: HeteroData) -> Tensor:
        """[batch, out_channels + channels]: outputs, then embeddings."""
        out = self.model(batch)
        self.out_channels = out.shape[1]
        assert self._read is not None
        return torch.cat([out, self._read.to(out.dtype)], dim=1)

    def _keep(self, head: nn.Module, inputs: tuple[Any, ...], out: Tensor) -> None:
        self._read = inputs[0].detach()
