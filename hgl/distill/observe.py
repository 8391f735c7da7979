"""What a teacher thinks of a seed: its embedding, and its outputs before they are predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError
from hgl.tasks.seeds import SeedTable
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment


@runtime_checkable
class Embedder(Protocol):
    """A model that has vectors of rows of any table."""

    def embed(self, batch: HeteroData, table: str) -> Tensor:
        """[batch_size, channels] of a batch whose seeds are rows of `table`."""


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


def embed(experiment: Experiment, run: TrainedRun, seeds: SeedTable) -> Tensor:
    """What a teacher's network makes of rows of any table of its graph, [n, channels] float32.

    Args:
        seeds: their table is `seeds.task.entity_table`; each sees the graph cut at its own time.
    Raises: ConfigError: the model has no `embed`.
    """
    if not isinstance(run.model, Embedder):
        raise ConfigError(
            f"teacher {type(run.model).__name__}: expected a model with `embed(batch, table)`, "
            "which returns a vector per seed of any table"
        )
    # Columns are of the task's entities, which these rows are not.
    plain = replace(experiment, sampling=replace(experiment.sampling, aggregates=None))
    loader = plain.loader(replace(run, columns=None), seeds)
    embedding = _Embedding(run.model, seeds.task.entity_table)
    return experiment.trainer.outputs(embedding, loader, phase="teacher")


class _Embedding(nn.Module):
    """What a model's network returns for seeds of some table."""

    def __init__(self, model: Embedder, table: str) -> None:
        super().__init__()
        self.model, self.table = model, table

    def forward(self, batch: HeteroData) -> Tensor:
        """[batch, channels]."""
        return self.model.embed(batch, self.table)


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
