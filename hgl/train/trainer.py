"""The only training loop."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch_geometric.data import HeteroData

from hgl.errors import CacheError, ConfigError, TrainingError, check_range
from hgl.tasks.metrics import METRICS, evaluate
from hgl.train import allocator
from hgl.train.average import weight_average
from hgl.train.checkpoint import load_state, load_tensors, restore_model, save_state, save_tensors
from hgl.train.distributed import World, join_world
from hgl.train.objective import Objective, seed_everything
from hgl.train.watcher import Silent, Watcher

logger = logging.getLogger(__name__)


class Labels(Protocol):
    """The answers that a loader's seeds have, in the order of `input_id`."""

    @property
    def target(self) -> np.ndarray | None: ...


class Loader(Protocol):
    """What training asks of batches: `hgl.graph.loader.SeedLoader`, or a `WholeGraphLoader`.

    A batch is a HeteroData. The node type of its seeds has `input_id` ([B] int64 positions among
    all seeds) and `y` ([B] targets, to train on).
    """

    @property
    def seeds(self) -> Labels: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Generator[HeteroData, None, None]: ...
    def set_epoch(self, epoch: int) -> None: ...


@dataclass
class Progress:
    """Where training stands; saved with every checkpoint.

    Attributes:
        epoch: epochs finished.
        best: best validation value so far, None before the first and without validation.
        best_epoch: epoch that reached it, the last one without validation.
        history: one row per finished epoch.
        interrupted: True after Ctrl-C.
    """

    epoch: int = 0
    best: float | None = None
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False


class Trainer:
    """Fit a model with AdamW, select the epoch on validation, stop early, survive interruption.

    Under torchrun, construction joins the process group; `world` then says which process this is.

    Args:
        lr: peak learning rate.
        weight_decay: AdamW's, on every parameter.
        max_epochs: passes over the training seeds.
        max_steps: batches per epoch at most; None for all.
        patience: epochs without a better validation value before stopping; None never stops.
        warmup_steps: steps over which the learning rate rises linearly from 0.
        final_lr: learning rate at the last step as a share of `lr`, reached along a cosine.
        grad_clip: largest gradient norm; None leaves gradients alone.
        average: decay of a running average of the weights, which is then what is validated, kept
            and predicted with; 0 takes the weights themselves.
        positive_weight: weight of the positive class of a binary task; None leaves the imbalance.
        free_eagerly: give freed memory back to the system at once (Linux): a lower peak, slower.
        device: `auto` (CUDA when present), `cpu` or `cuda`.
        seed: of weights, dropout and sampling.
        watcher: hears how training goes.
    Raises: ConfigError: a value is out of range.
    """

    def __init__(
        self,
        *,
        lr: float = 0.005,
        weight_decay: float = 0.0,
        max_epochs: int = 10,
        max_steps: int | None = 2000,
        patience: int | None = None,
        warmup_steps: int = 0,
        final_lr: float = 1.0,
        grad_clip: float | None = 1.0,
        average: float = 0.0,
        positive_weight: float | None = None,
        free_eagerly: bool = False,
        device: str = "auto",
        seed: int = 0,
        watcher: Watcher | None = None,
    ) -> None:
        check_range("lr", lr, 0)
        check_range("weight_decay", weight_decay, 0)
        check_range("max_epochs", max_epochs, 1)
        check_range("max_steps", max_steps, 1)
        check_range("patience", patience, 1)
        check_range("warmup_steps", warmup_steps, 0)
        check_range("final_lr", final_lr, 0)
        check_range("grad_clip", grad_clip, 0)
        check_range("positive_weight", positive_weight, 0)
        check_range("seed", seed, 0, 2**63 - 1)
        self.lr, self.weight_decay = lr, weight_decay
        self.max_epochs, self.max_steps, self.patience = max_epochs, max_steps, patience
        self.warmup_steps, self.final_lr = warmup_steps, final_lr
        self.grad_clip, self.positive_weight = grad_clip, positive_weight
        if not 0 <= average < 1:
            raise ConfigError(f"average={average}: expected 0 or more, below 1")
        self.average = average
        self.seed = seed
        if free_eagerly and not allocator.free_eagerly():
            logger.warning("free_eagerly=True: this C library has no such setting; going on")
        self.device = _device(device)
        self.world: World = join_world()
        self.watcher: Watcher = watcher if watcher and self.world.is_first else Silent()

    def fit(
        self,
        model: nn.Module,
        objective: Objective,
        train: Loader,
        val: Loader | None,
        *,
        metric: str,
        folder: Path,
        resume: bool = False,
    ) -> Progress:
        """Train, and leave the best epoch's weights in `model` and in `folder/model.safetensors`.

        Args:
            val: what selects; None keeps the last epoch.
            metric: name in `METRICS` that selects the epoch on `val`.
            folder: receives `state.safetensors` after each epoch and `model.safetensors` for the
                best one.
            resume: go on from `folder/state.safetensors` when it is there.
        Raises: TrainingError: a loss is not a number; the message says which batch.
            KeyboardInterrupt: Ctrl-C came before the first epoch ended; later, the best epoch so
            far is kept, and `Progress.interrupted` says so. CacheError: with `resume`, what
            `folder` holds is damaged or of another training.
        """
        seed_everything(self.seed + self.world.rank)
        optimizer = torch.optim.AdamW(
            model.to(self.device).parameters(),
            lr=self.lr,
            weight_decay=self.weight_decay,
            fused=True,
        )
        kept = weight_average(model, self.average)
        progress = Progress()
        state, weights = folder / "state.safetensors", folder / "model.safetensors"
        if resume and state.exists():
            progress = Progress(**load_state(state, model, kept, optimizer))
            if progress.epoch < self.max_epochs:
                logger.info("resuming after epoch %d from %s", progress.epoch, state)
        stepped = self._replicated(model)
        try:
            while progress.epoch < self.max_epochs and not self._out_of_patience(progress):
                row = self._epoch(stepped, kept, optimizer, objective, train, progress.epoch)
                if val is None:
                    progress.best_epoch = progress.epoch
                else:
                    row |= self._validate(kept.module, objective, val)
                    self._select(row, progress, metric)
                progress.epoch += 1
                progress.history.append(row)
                if self.world.is_first:
                    if progress.best_epoch == row["epoch"]:
                        save_tensors(weights, kept.module.state_dict(), {"epoch": row["epoch"]})
                    save_state(state, model, kept, optimizer, dataclasses.asdict(progress))
                self.watcher.epoch(row)
        except KeyboardInterrupt:
            if progress.best_epoch < 0:
                raise
            progress.interrupted = True
            logger.warning("stopped in epoch %d; keeping the best so far", progress.epoch)
        self.world.barrier()
        _restore_best(model, progress, weights)
        return progress

    def predict(
        self, model: nn.Module, objective: Objective, loader: Loader, *, phase: str = "predict"
    ) -> np.ndarray:
        """Predict every seed of `loader`, in the order of its seed table."""
        return objective.predict(self.outputs(model, loader, phase=phase))

    def outputs(self, model: nn.Module, loader: Loader, *, phase: str = "predict") -> Tensor:
        """Return what `model` returns for every seed of `loader`, in the order of its seed table.

        Returns: [seeds, channels] on the CPU; float32, or int64 rows of a recommender.
        """
        self.watcher.start(phase, len(loader))
        model.to(self.device).eval()
        outputs, positions = [], []
        # Not `inference_mode`: what a plan caches here must serve a later training step, too.
        with torch.no_grad():
            for batch in loader:
                with self._autocast():
                    outputs.append(_plain(model(batch.to(self.device))).cpu())
                positions.append(_seeds(batch).input_id.cpu())
                self.watcher.step(None)
        out, order = (self.world.gather(torch.cat(parts)) for parts in (outputs, positions))
        # Shards may repeat a seed so that all processes step equally often; any copy will do.
        rows = torch.empty(int(order.max()) + 1, out.shape[1], dtype=out.dtype)
        rows[order] = out
        return rows

    def _epoch(
        self,
        model: nn.Module,
        kept: AveragedModel,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        train: Loader,
        epoch: int,
    ) -> dict[str, Any]:
        model.train()
        train.set_epoch(epoch)
        steps = min(len(train), self.max_steps or len(train))
        self.watcher.start(f"epoch {epoch}", steps)
        total, count, lr = 0.0, 0, self.lr
        for step, batch in enumerate(_first(train, steps)):
            lr = self._schedule(optimizer, epoch * steps + step, steps * self.max_epochs)
            losses = self._losses(model, objective, batch.to(self.device))
            loss = float(losses.detach().mean())
            if not math.isfinite(loss):
                ids = _seeds(batch).input_id[:5].tolist()
                raise TrainingError(
                    f"loss={loss} in epoch {epoch}, batch {step} (training rows {ids}…): expected "
                    f"a finite number; learning rate {lr:.2g}, weights not changed by this batch"
                )
            self._descend(model, optimizer, losses)
            kept.update_parameters(model)
            total, count = total + loss * len(losses), count + len(losses)
            self.watcher.step(loss)
        mean_loss = self.world.sum(total) / self.world.sum(count)
        return {"epoch": epoch, "train_loss": mean_loss, "lr": lr}

    def _losses(self, model: nn.Module, objective: Objective, batch: HeteroData) -> Tensor:
        target = _seeds(batch).y
        with self._autocast():
            out = model(batch)
        losses = objective.losses(out.float(), target)
        if self.positive_weight is not None:
            losses = torch.where(target > 0, losses * self.positive_weight, losses)
        return losses

    def _descend(self, model: nn.Module, optimizer: torch.optim.Optimizer, losses: Tensor) -> None:
        # A process's mean counts by its share of the whole step's seeds, so that uneven shards
        # give the gradient that one process would have had.
        share = self.world.size / self.world.sum(len(losses))
        optimizer.zero_grad(set_to_none=True)
        (losses.sum() * share).backward()
        if self.grad_clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), self.grad_clip)
        optimizer.step()

    def _validate(self, model: nn.Module, objective: Objective, val: Loader) -> dict[str, float]:
        prediction = self.predict(model, objective, val, phase="validation")
        assert val.seeds.target is not None
        scores = evaluate(objective.kind, val.seeds.target, prediction)
        return {f"val_{name}": value for name, value in scores.items()}

    def _select(self, row: dict[str, Any], progress: Progress, metric: str) -> None:
        value = row[f"val_{metric}"]
        if math.isnan(value):
            raise TrainingError(
                f"metric={metric!r} is not defined on the validation split (one class only?): "
                "choose another metric or other timestamps"
            )
        sign = METRICS[metric].sign
        if progress.best is None or sign * value > sign * progress.best:
            progress.best, progress.best_epoch = value, row["epoch"]

    def _schedule(self, optimizer: torch.optim.Optimizer, step: int, last: int) -> float:
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        cosine = (1 + math.cos(math.pi * min(1.0, step / max(1, last)))) / 2
        lr = self.lr * warm * (self.final_lr + (1 - self.final_lr) * cosine)
        for group in optimizer.param_groups:
            group["lr"] = lr
        return lr

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def _out_of_patience(self, progress: Progress) -> bool:
        if self.patience is None or progress.best is None:
            return False
        return progress.epoch - 1 - progress.best_epoch >= self.patience

    def _replicated(self, model: nn.Module) -> nn.Module:
        if self.world.size == 1:
            return model
        return DistributedDataParallel(model, find_unused_parameters=True)


def _restore_best(model: nn.Module, progress: Progress, weights: Path) -> None:
    """Load the best epoch's weights. Raises: CacheError: the file has another epoch's."""
    tensors, notes = load_tensors(weights)
    found = notes.get("epoch")
    if found != progress.best_epoch and not progress.interrupted:
        raise CacheError(
            f"checkpoint {weights} holds epoch {found}: expected {progress.best_epoch}, the best "
            "one by its state; train anew"
        )
    restore_model(model, tensors, weights)


def _device(name: str) -> torch.device:
    present = torch.cuda.is_available()
    if name.partition(":")[0] not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device={name!r}: expected auto, cpu or cuda")
    device = torch.device(("cuda" if present else "cpu") if name == "auto" else name)
    if device.type == "cuda" and not present:
        raise ConfigError("device='cuda': no CUDA device is available; expected cpu or auto")
    return device


def _first(loader: Loader, count: int) -> Iterator[HeteroData]:
    """The first `count` batches; closes the loader's iterator, whose thread would live on."""
    with contextlib.closing(iter(loader)) as batches:
        for _ in range(count):
            yield next(batches)


def _plain(out: Tensor) -> Tensor:
    """Numbers in full precision; rows as they are."""
    return out.float() if out.is_floating_point() else out


def _seeds(batch: HeteroData) -> Any:
    """The storage of the node type that carries the seeds."""
    return next(store for store in batch.node_stores if "input_id" in store)
