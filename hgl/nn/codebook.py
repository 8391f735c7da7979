"""Vector quantisation (arXiv:1711.00937): rows of an embedding, named by their nearest code.

vector-quantize-pytorch would do this in more words: it returns no distances, which soft
assignments need, and leaves off the k-means start and the expiry of dead codes.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from hgl.errors import ConfigError, check_range
from hgl.nn.codebook_health import ENTROPY, CodebookHealth

Metric = Literal["euclidean", "cosine"]

ROWS_PER_CODE = 20
"""Fewer rows than this for each code, and codes name single rows instead of kinds of rows."""
SMALL = 1e-12
"""Counts and distances at or below this are taken for 0."""
START_ROWS = 64
"""Rows per code that the k-means start looks at, at most."""
START_ROUNDS = 10
"""Of Lloyd's algorithm."""


def check_size(num_codes: int, rows: int) -> None:
    """Check that there are at least `ROWS_PER_CODE` rows to each code.

    Raises: ConfigError: there are not.
    """
    if num_codes * ROWS_PER_CODE > rows:
        raise ConfigError(
            f"num_codes={num_codes}: expected at most {rows // ROWS_PER_CODE}, a code per "
            f"{ROWS_PER_CODE} of {rows} rows"
        )


class Codebook(nn.Module):
    """Codes that follow the rows they name: k-means start, moving averages, dead codes revived.

    Codes learn in `forward` while training, never by gradient, and the first batch that has rows
    starts them. All is computed in float32. Draws depend on `seed` and on how many batches were
    seen, so a run that resumes from `state_dict` goes on as if it had not stopped. Under
    DistributedDataParallel buffers are broadcast, so every process uses the first one's codes.

    Args:
        num_codes: M, 2 and up; see `check_size`.
        channels: width of rows and codes.
        metric: squared distance between rows as they are, or between rows and codes scaled to
            length 1 (`cosine`, where it is 2 - 2 cos).
        decay: of the moving averages, [0, 1).
        commitment: weight of the pull of rows to their codes.
        expire_below: a code used less than this share of the mean use takes the place of a row
            of the batch; 0 never.
        seed: decides starting rows and those that revive codes.
    Raises: ConfigError: an argument is out of range.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    distance: Tensor
    batches: Tensor

    def __init__(
        self,
        num_codes: int,
        channels: int,
        *,
        metric: Metric = "euclidean",
        decay: float = 0.95,
        commitment: float = 0.25,
        expire_below: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_range("num_codes", num_codes, 2)
        check_range("channels", channels, 1)
        check_range("commitment", commitment, 0)
        check_range("expire_below", expire_below, 0, 1)
        if not 0 <= decay < 1:
            raise ConfigError(f"decay={decay}: expected 0 to below 1")
        if metric not in ("euclidean", "cosine"):
            raise ConfigError(f"metric={metric!r}: expected 'euclidean' or 'cosine'")
        self.num_codes, self.channels, self.metric = num_codes, channels, metric
        self.decay, self.commitment, self.expire_below = decay, commitment, expire_below
        self.seed = seed
        draws = torch.Generator().manual_seed(seed)
        codes = self._placed(torch.randn(num_codes, channels, generator=draws))
        # Moving averages per batch: rows of each code and their sum; the squared distance of all
        # rows to their codes, and all rows.
        self.register_buffer("codes", codes)
        self.register_buffer("counts", torch.zeros(num_codes))
        self.register_buffer("sums", torch.zeros_like(codes))
        self.register_buffer("distance", torch.zeros(2))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Replace each row by its nearest code; in training mode the codes then learn.

        Args:
            z: [n, channels]; n may be 0.
        Returns: quantised [n, channels] in the dtype of `z`, whose gradient goes straight through
            to `z`; code of each row, [n] int64; commitment loss, a scalar.
        """
        with torch.autocast(z.device.type, enabled=False):
            rows = self._placed(z)
            learns = self.training and len(rows) > 0
            if learns and not int(self.batches):
                self._start(rows.detach())
            nearest, codes = self._distances(rows.detach()).min(dim=1)
            found = self.codes[codes]
            loss = self.commitment * (rows - found).square().sum() / max(rows.numel(), 1)
            quantised = rows + (found - rows).detach()
            if learns:
                self._learn(rows.detach(), codes, nearest)
        return quantised.to(z.dtype), codes, loss

    def log_assignments(self, z: Tensor, tau: float) -> Tensor:
        """`log softmax(-|z - e|² / (2 σ² τ))` over codes e; σ² is `spread`. Differentiable in `z`.

        Teacher and student are comparable because both are measured by this method.

        Args:
            z: [n, channels].
            tau: temperature above 0; see `choose_tau`.
        Returns: [n, num_codes] float32.
        Raises: ConfigError: `tau` is not above 0.
        """
        if not tau > 0:
            raise ConfigError(f"tau={tau}: expected a number above 0")
        with torch.autocast(z.device.type, enabled=False):
            # A copy: codes may learn in place before the gradient is taken.
            distances = self._distances(self._placed(z), self.codes.clone())
            scaled = distances / (2 * self.spread * tau)
            return (-scaled).log_softmax(dim=1)

    @property
    def spread(self) -> Tensor:
        """σ²: mean squared distance of training rows to their nearest code, a scalar above 0."""
        if not int(self.batches):
            return torch.ones_like(self.distance[0])
        return (self.distance[0] / self.distance[1]).clamp(min=SMALL)

    @torch.no_grad()
    def choose_tau(self, z: Tensor) -> float:
        """The temperature that puts the mean entropy in the middle of `ENTROPY`.

        Args:
            z: [n, channels] rows of the teacher.
        Raises: ConfigError: there are no rows.
        """
        if not len(z):
            raise ConfigError("z has 0 rows: expected some to choose tau by")
        # Entropy grows with tau, so halve the interval of log(tau).
        low, high = -30.0, 30.0
        for _ in range(40):
            middle = (low + high) / 2
            if self._entropy(z, math.exp(middle)) < sum(ENTROPY) / 2:
                low = middle
            else:
                high = middle
        return math.exp(high)

    @torch.no_grad()
    def health(self, z: Tensor, tau: float) -> CodebookHealth:
        """How the rows [n, channels] use the codes. Raises: ConfigError: there are no rows."""
        if not len(z):
            raise ConfigError("z has 0 rows: expected some to judge the codebook by")
        nearest = self._distances(self._placed(z)).argmin(dim=1)
        share = nearest.bincount(minlength=self.num_codes) / len(z)
        perplexity = float(torch.special.entr(share).sum().exp())
        used = int((share > 0).sum())
        return CodebookHealth(self.num_codes, used, perplexity, self._entropy(z, tau))

    def _entropy(self, z: Tensor, tau: float) -> float:
        log_p = self.log_assignments(z, tau)
        return float(-(log_p.exp() * log_p).sum(dim=1).mean() / math.log(self.num_codes))

    def _placed(self, z: Tensor) -> Tensor:
        return normalize(z.float(), dim=1) if self.metric == "cosine" else z.float()

    def _distances(self, rows: Tensor, codes: Tensor | None = None) -> Tensor:
        """[n, num_codes] squared distances."""
        codes = self.codes if codes is None else codes
        lengths = rows.square().sum(1, keepdim=True) + codes.square().sum(1)
        return (lengths - 2 * rows @ codes.T).clamp(min=0)

    def _members(self, codes: Tensor) -> Tensor:
        """[num_codes, n]; a product with it adds up in one order, which scattering does not."""
        return one_hot(codes, self.num_codes).float().T

    def _draw(self, rows: Tensor, count: int) -> Tensor:
        """Distinct rows in random order, `count` at most."""
        draws = torch.Generator().manual_seed(self.seed * 1_000_003 + int(self.batches))
        picked = torch.randperm(len(rows), generator=draws)[:count]
        return rows[picked.to(rows.device)]

    @torch.no_grad()
    def _start(self, rows: Tensor) -> None:
        """K-means on the batch; codes beyond its rows are copies, which expire."""
        rows = self._draw(rows, START_ROWS * self.num_codes)
        repeats = -(-self.num_codes // len(rows))
        codes = rows.repeat(repeats, 1)[: self.num_codes]
        for _ in range(START_ROUNDS):
            members = self._members(self._distances(rows, codes).argmin(dim=1))
            counts = members.sum(1, keepdim=True)
            codes = torch.where(counts > 0, self._placed(members @ rows / counts), codes)
        self.codes.copy_(codes)

    @torch.no_grad()
    def _learn(self, rows: Tensor, codes: Tensor, nearest: Tensor) -> None:
        members = self._members(codes)
        keep = self.decay if int(self.batches) else 0.0
        self.counts.lerp_(members.sum(1), 1 - keep)
        self.sums.lerp_(members @ rows, 1 - keep)
        seen = torch.stack([nearest.sum(), torch.full_like(nearest[0], len(rows))])
        self.distance.lerp_(seen, 1 - keep)
        used = (self.counts > SMALL)[:, None]
        self.codes.copy_(
            torch.where(used, self._placed(self.sums / self.counts[:, None]), self.codes)
        )
        self._revive(rows)
        self.batches += 1

    def _revive(self, rows: Tensor) -> None:
        """Move dead codes to rows of the batch, one row each, as if used like the mean code."""
        mean = self.counts.mean()
        dead = (self.counts < self.expire_below * mean).nonzero()[: len(rows), 0]
        moved = self._draw(rows, len(dead))
        self.codes[dead] = moved
        self.counts[dead] = mean
        self.sums[dead] = mean * moved
