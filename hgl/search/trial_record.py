"""What a store knows of a trial and of a search: plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from hgl.db.cache import digest
from hgl.errors import ConfigError, check_range

Metrics = Mapping[str, tuple[float, ...]]
"""Name of a metric to its value after each epoch."""


@dataclass(frozen=True)
class TrialKey:
    """What a trial's result depends on; equal keys are one trial, whichever search asks.

    Attributes:
        database: fingerprint of the data.
        task: fingerprint of the task, its entity table included.
        bits: the graph model, in RDB2G-Bench's order.
        num_hops: relations further away are pruned.
        settings: hash of the network and of how it is trained, epochs and seed left out.
        seed: of the training.
        epochs: the fidelity.
    Raises: ConfigError: `bits` is not of 0 and 1, or a number is out of range.
    """

    database: str
    task: str
    bits: str
    num_hops: int
    settings: str
    seed: int
    epochs: int

    def __post_init__(self) -> None:
        if set(self.bits) - {"0", "1"}:
            raise ConfigError(f"bits={self.bits!r}: expected 0 and 1")
        check_range("num_hops", self.num_hops, 1)
        check_range("epochs", self.epochs, 1)

    @property
    def id(self) -> str:
        """A short hash of all of it."""
        return digest(asdict(self))


@dataclass(frozen=True)
class Claim:
    """A trial that is the holder's to run, and nobody else's while its heart beats.

    Attributes:
        token: tells this claim from earlier and later ones of the same trial.
    """

    key: TrialKey
    worker: str
    token: str


@dataclass(frozen=True)
class Taken:
    """A trial that another worker is running.

    Attributes:
        silent: seconds since its heart last beat.
    """

    key: TrialKey
    worker: str
    silent: float


@dataclass(frozen=True)
class Failure:
    """Why a trial failed: the error's class and what it says."""

    type: str
    text: str


@dataclass(frozen=True)
class Done:
    """A trial that ran. It never holds a test metric.

    Attributes:
        validation: empty where it failed.
        seconds: name of a phase to wall time.
        failure: None where it did not fail.
    """

    key: TrialKey
    validation: Metrics = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True)
class SearchIdentity:
    """What must stay the same for a search to be continued.

    Attributes:
        database, task, settings: as in `TrialKey`.
        space: what is chosen among, in words that tell spaces apart: entity table, hops.
        ladder: epochs and seeds of every rung, as text.
        metric: what is selected by.
    """

    database: str
    task: str
    space: str
    settings: str
    ladder: str
    metric: str

    @property
    def id(self) -> str:
        """A short hash of all of it."""
        return digest(asdict(self))

    def differences(self, other: SearchIdentity) -> list[str]:
        """Return `name='own', expected 'other'` for each attribute that differs."""
        found = []
        for name in (f.name for f in fields(self)):
            own, others = getattr(self, name), getattr(other, name)
            if own != others:
                found.append(f"{name}={own!r}, expected {others!r}")
        return found


def check_metrics(name: str, metrics: Mapping[str, Sequence[float]], epochs: int) -> None:
    """Check that each metric has a value for one to `epochs` epochs. Raises: ConfigError."""
    for metric, values in metrics.items():
        if not 1 <= len(values) <= epochs:
            raise ConfigError(
                f"{name}[{metric!r}] has {len(values)} values: expected one per epoch, 1 to "
                f"{epochs}"
            )
