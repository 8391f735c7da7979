"""A codebook over a teacher's seed embeddings: what kind of seed is this, in M words.

VQGraph (arXiv:2308.02117) quantises nodes of one graph. Here a seed is quantised, the embedding is
projected to a few channels first, and what stands in for the edges is the seed's relation profile:
how many rows of each relation it has in each window. Prediction stays off the quantised path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hgl.aggregates.table import FeatureTable
from hgl.distill.loss import DISTILLATIONS
from hgl.nn.codebook import ROWS_PER_CODE, Codebook, CodebookHealth, check_size
from hgl.train.objective import Objective

CHANNELS = 32
MOST_CODES = 256
_STEPS, _BATCH, _LR = 600, 512, 2e-3


@dataclass(frozen=True)
class Tokens:
    """A teacher's codes.

    Attributes:
        tau: temperature of soft assignments.
        tokenizer: from embeddings to where the codes lie.
        health: of the codebook, on the rows it was fitted to.
    """

    codebook: Codebook
    tau: float
    tokenizer: Tokenizer
    health: CodebookHealth

    @torch.no_grad()
    def log_probabilities(self, embedding: Tensor) -> Tensor:
        """[n, channels] to [n, codes]; rows of NaN stay so."""
        return self.codebook.log_assignments(self.tokenizer.project(embedding), self.tau)

    @torch.no_grad()
    def vectors(self, embedding: Tensor) -> Tensor:
        """[n, channels] to the vector of the nearest code, [n, CHANNELS]; rows of NaN stay so."""
        known = ~embedding.isnan().any(1)
        found = embedding.new_full((len(embedding), self.codebook.channels), np.nan)
        found[known] = self.codebook.eval()(self.tokenizer.project(embedding[known]))[0]
        return found


class Tokenizer(nn.Module):
    """Embeddings to codes, and from a code back to what it should tell.

    Args:
        channels: of the embeddings.
        rebuilt: columns a code should tell.
        out_channels: of the task.
        num_codes: M.
        seed: of the codebook.
    """

    def __init__(
        self, channels: int, rebuilt: int, out_channels: int, *, num_codes: int, seed: int
    ) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(channels, CHANNELS), nn.LayerNorm(CHANNELS))
        self.codebook = Codebook(num_codes, CHANNELS, seed=seed)
        self.columns = nn.Linear(CHANNELS, rebuilt)
        self.answer = nn.Linear(CHANNELS, out_channels)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[n, channels] to columns [n, rebuilt], outputs [n, out_channels], commitment loss."""
        quantised, _, commitment = self.codebook(self.project(embedding))
        return self.columns(quantised), self.answer(quantised), commitment


def fit_tokens(
    embedding: Tensor,
    told: Tensor,
    target: Tensor,
    objective: Objective,
    *,
    num_codes: int | None = None,
    seed: int = 0,
) -> Tokens:
    """Fit a codebook to a teacher's embeddings of training seeds.

    Args:
        embedding: [n, channels].
        told: [n, columns] of the same seeds that a code should tell; see `told_columns`.
        target: [n] or [n, labels], in the units of lessons.
        objective: of the teacher.
        num_codes: M; None: as many as the rows allow, `MOST_CODES` at most.
    Raises: ConfigError: there are fewer than `ROWS_PER_CODE` rows to a code.
    """
    most = max(2, min(MOST_CODES, len(embedding) // ROWS_PER_CODE))
    num_codes = most if num_codes is None else num_codes
    check_size(num_codes, len(embedding))
    task, out_channels = DISTILLATIONS[objective.kind](1.0).task, objective.out_channels
    torch.manual_seed(seed)
    tokenizer = Tokenizer(
        embedding.shape[1], told.shape[1], out_channels, num_codes=num_codes, seed=seed
    )
    optimizer = torch.optim.AdamW(tokenizer.parameters(), lr=_LR)
    for _ in range(_STEPS):
        rows = torch.randperm(len(embedding))[:_BATCH]
        columns, out, commitment = tokenizer(embedding[rows])
        known = ~told[rows].isnan()
        rebuilt = F.huber_loss(columns[known], told[rows][known]) if known.any() else 0.0
        loss = rebuilt + task(out, target[rows]).mean() + commitment
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tokenizer.eval().requires_grad_(False)
    placed = tokenizer.project(embedding)
    tau = tokenizer.codebook.choose_tau(placed)
    health = tokenizer.codebook.health(placed, tau)
    return Tokens(tokenizer.codebook, tau, tokenizer, health)


def told_columns(table: FeatureTable) -> Tensor:
    """What a code should tell: own numbers, and log counts per relation and window; standardised.

    Returns: [n, columns] float32, NaN where not known.
    """
    kept = [i for i, f in enumerate(table.plan.numerical) if f.function in ("value", "count")]
    counts = np.array([table.plan.numerical[i].function == "count" for i in kept], dtype=bool)
    values = table.numerical[:, kept]
    values = np.where(counts, np.log1p(np.maximum(values, 0)), values)
    known = np.isfinite(values)
    number = known.sum(0).clip(1)
    centre = np.where(known, values, 0).sum(0) / number
    spread = np.sqrt((np.where(known, values - centre, 0) ** 2).sum(0) / number)
    scaled = (values - centre) / np.where(spread > 0, spread, 1.0)
    return torch.as_tensor(np.where(known, scaled.clip(-10, 10), np.nan), dtype=torch.float32)
