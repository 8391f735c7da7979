"""One result that a report shows: a record of `hgl bench`, or what stands for one of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.errors import CacheError

DONE = "done"
_TEXTS = ("id", "dataset", "task", "model", "policy", "cut", "metric", "status")


@dataclass(frozen=True)
class Record:
    """One training, or one that failed.

    Attributes:
        metrics: split to score name to value.
        interval: split to both ends of the main metric's 95 % interval.
        config: the resolved configuration.
        data, labels: fingerprints of the database, and of the questions with their answers; "" for
            one that failed before it knew.
        seconds: wall time; None unknown.
        peak_bytes: peak memory; None unknown.
        run: folder of the run, or None.
        predictions: split to a digest of the predictions.
        file: the record itself, or None.
    """

    id: str
    dataset: str
    task: str
    model: str
    policy: str
    cut: str
    metric: str
    status: str
    seed: int = 0
    kind: str = ""
    higher_is_better: bool = True
    error: str = ""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    interval: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""
    dirty: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    labels: str = ""
    seconds: float | None = None
    peak_bytes: float | None = None
    run: Path | None = None
    predictions: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""
    file: Path | None = None

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.status == DONE

    @property
    def question(self) -> str:
        """Dataset and task."""
        return f"{self.dataset} · {self.task}"

    @property
    def regime(self) -> str:
        """Policy and cut."""
        return f"{self.policy}, {self.cut}"

    def score(self, split: str) -> float:
        """Return the main metric of a split, nan where it is unknown."""
        return self.metrics.get(split, {}).get(self.metric, math.nan)


def from_mapping(stored: Mapping[str, Any], file: Path) -> Record:
    """Read what a record's file holds.

    Args:
        file: `<store>/records/<id>.json`.
    Raises: CacheError: it is no record, or its run lies outside the store.
    """
    try:
        return Record(
            **{name: _text(stored, name) for name in _TEXTS},
            seed=int(stored["seed"]),
            kind=str(stored.get("kind") or ""),
            higher_is_better=bool(stored["higher_is_better"]),
            error=str(stored.get("error") or ""),
            metrics={s: _numbers(m) for s, m in (stored.get("metrics") or {}).items()},
            interval=_intervals(stored.get("interval") or {}),
            words=tuple(map(str, stored.get("words") or ())),
            config=dict(stored.get("config") or {}),
            commit=str(stored.get("commit") or ""),
            dirty=bool(stored.get("dirty")),
            versions={k: str(v) for k, v in (stored.get("versions") or {}).items()},
            data=str(stored.get("data") or ""),
            labels=str(stored.get("labels") or ""),
            seconds=_number(stored.get("seconds")),
            peak_bytes=_number(stored.get("peak_bytes")),
            run=_inside(stored.get("run"), file.parents[1]),
            predictions={k: str(v) for k, v in (stored.get("predictions") or {}).items()},
            finished=str(stored.get("finished") or ""),
            file=file,
        )
    except KeyError as error:
        raise CacheError(f"it has no {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise CacheError(f"it is no record ({error})") from None


def _text(stored: Mapping[str, Any], name: str) -> str:
    if not isinstance(stored[name], str):
        raise TypeError(f"{name}={stored[name]!r}: expected text")
    return str(stored[name])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in scores.items()}


def _intervals(stored: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    known = {split: ends for split, ends in stored.items() if ends and None not in ends}
    return {split: (float(low), float(high)) for split, (low, high) in known.items()}


def _inside(run: Any, store: Path) -> Path | None:
    if not run:
        return None
    folder = store / str(run)
    if not folder.resolve().is_relative_to(store.resolve()):
        raise ValueError(f"run={run!r}: expected a folder in the store")
    return folder
