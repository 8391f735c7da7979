"""The scores of every graph model of a space, measured once and looked up ever after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hgl.errors import CacheError, ConfigError
from hgl.search import score_file
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung, Trial
from hgl.tasks.metrics import METRICS


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """What training each model of a space gave, epoch by epoch.

    A seed that is missing or failed (NaN throughout) is left out of means over seeds.

    Attributes:
        space: models in the order of the rows.
        metric: a name in `METRICS`.
        val: [num_models, num_seeds, num_epochs] float32, the metric on the validation split after
            each epoch; NaN where missing.
        test: the same on the test split. Nothing but `test_at` and `test_scores` reads it.
        seconds: [num_models, num_seeds] float32, wall time of the whole training.
        supernet: [num_models] float32, the metric on the validation split with the weights of a
            one-shot supernet; None where there is none.
        notes: what JSON can hold: database fingerprint, task, command, fidelity.
    Raises: ConfigError: the metric is unknown, or shapes differ.
    """

    space: SpecSpace
    metric: str
    val: np.ndarray
    test: np.ndarray
    seconds: np.ndarray
    supernet: np.ndarray | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(f"metric={self.metric!r}: expected one of {', '.join(METRICS)}")
        shape = np.shape(self.val)
        if len(shape) != 3 or shape[0] != self.space.count or 0 in shape:
            raise ConfigError(
                f"val has shape {shape}: expected [{self.space.count}, num_seeds, num_epochs]"
            )
        wanted = {"val": shape, "test": shape, "seconds": shape[:2], "supernet": shape[:1]}
        for name, expected in wanted.items():
            if (values := getattr(self, name)) is None:
                continue
            if np.shape(values) != expected:
                raise ConfigError(f"{name} has shape {np.shape(values)}: expected {expected}")
            values = np.array(values, np.float32)
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @property
    def num_seeds(self) -> int:
        """Trainings of each model."""
        return self.val.shape[1]

    @property
    def num_epochs(self) -> int:
        """Epochs of each training."""
        return self.val.shape[2]

    def score(self, trial: Trial, ladder: Ladder) -> float | None:
        """Return a trial's validation score, higher is better; None where no seed has one.

        The mean over the rung's first seeds of the best validation within the rung's epochs.
        Raises: ConfigError: the table has fewer seeds or epochs. SchemaError: the model is not in
            the space.
        """
        scores = self.scores(ladder.rungs[trial.rung])
        found = float(scores[self.space.index(trial.model)])
        return None if np.isnan(found) else found

    def scores(self, rung: Rung) -> np.ndarray:
        """[num_models] float64: every model's validation score at a rung, NaN where none.

        Raises: ConfigError: the table has fewer seeds or epochs.
        """
        if rung not in self._by_rung:
            most = {"epochs": self.num_epochs, "seeds": self.num_seeds}
            for name, bound in most.items():
                if not 1 <= (value := getattr(rung, name)) <= bound:
                    raise ConfigError(f"{name}={value}: the table has 1 to {bound}")
            best = self._best[:, : rung.seeds, rung.epochs - 1]
            self._by_rung[rung] = _mean_over_seeds(best)
        return self._by_rung[rung]

    def test_at(self, position: int) -> float:
        """Return a model's test score, higher is better; NaN where no seed has one.

        The mean over seeds of the test score at the epoch of each seed's best validation.
        """
        return float(self.test_scores[position])

    @cached_property
    def test_scores(self) -> np.ndarray:
        """[num_models] float64: every model's `test_at`."""
        filled = np.where(np.isnan(self.val), -np.inf, self._sign * self.val)
        epoch = filled.argmax(axis=2)[:, :, None]
        chosen = np.take_along_axis(self._sign * self.test, epoch, axis=2)[:, :, 0]
        untrained = np.isnan(self.val).all(axis=2)
        return _mean_over_seeds(np.where(untrained, np.nan, chosen))

    def save(self, path: Path) -> None:
        """Write one Parquet file, aside first and then renamed.

        Raises: ConfigError: JSON cannot hold `notes`. SourceError: the file cannot be written.
        """
        columns = {"val": self.val, "test": self.test, "seconds": self.seconds}
        score_file.write(path, self.space, self.metric, columns, self.supernet, self.notes)

    @classmethod
    def load(cls, path: Path, space: SpecSpace) -> ScoreTable:
        """Read what `save` wrote.

        Raises: CacheError: the file is absent, damaged, or of another space.
        """
        try:
            return cls(space, **score_file.read(path, space))
        except ConfigError as error:
            raise CacheError(f"{path} is damaged: {error}") from None

    @property
    def _sign(self) -> int:
        return METRICS[self.metric].sign

    @cached_property
    def _best(self) -> np.ndarray:
        """[num_models, num_seeds, num_epochs]: best validation score up to each epoch."""
        return np.fmax.accumulate(self._sign * self.val, axis=2)

    @cached_property
    def _by_rung(self) -> dict[Rung, np.ndarray]:
        return {}


def _mean_over_seeds(values: np.ndarray) -> np.ndarray:
    """[n] float64: mean of [n, seeds] where not NaN; NaN where all are."""
    counts = (~np.isnan(values)).sum(axis=1)
    sums = np.nansum(values, axis=1, dtype=np.float64)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
