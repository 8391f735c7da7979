"""What a run of a benchmark left: enough to run it again."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.errors import CacheError
from hgl.train.record import write_text

DONE, FAILED, TIMEOUT, MEMORY = "done", "failed", "timeout", "out of memory"


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes:
        id: 12 hex digits of what identifies it.
        kind: of task.
        model: the contender's name.
        status: `done`, `failed`, `timeout` or `out of memory`.
        error: why it is not done; one line.
        metrics: split to score to value.
        interval: split to the ends of the 95 % interval of `metric`, entities resampled; None where
            it cannot be had.
        words: of `hgl train`, all but the folder; no secret.
        config: the whole configuration of the run.
        commit: of the code, None outside a git clone; `dirty` where files differ from it.
        data, labels, code: fingerprints of the database, of the questions of the last split with
            their answers, and of this package.
        tuning: `trials` and the words `chosen`; None without tuning.
        phases: name to `seconds` and `peak_mb`.
        seconds: wall time of the whole process.
        peak_bytes: most resident memory.
        run: folder, relative to the store.
        predictions: split to a digest.
        started, finished: ISO 8601, UTC.
    """

    id: str
    suite: str
    dataset: str
    task: str
    kind: str
    model: str
    seed: int
    policy: str
    cut: str
    metric: str
    higher_is_better: bool
    status: str
    words: list[str]
    data: str
    code: str
    started: str
    finished: str
    error: str | None = None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    interval: Mapping[str, list[float] | None] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    dirty: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None
    tuning: Mapping[str, Any] | None = None
    phases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    peak_bytes: int = 0
    run: str = ""
    predictions: Mapping[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether it has a result."""
        return self.status == DONE

    def value(self, split: str) -> float | None:
        """Return the main score on a split; None where there is none."""
        found = self.metrics.get(split, {}).get(self.metric)
        return None if found is None or math.isnan(found) else found

    def write(self, folder: Path) -> None:
        """Leave `<id>.json` in a folder, written aside and renamed; NaN becomes null."""
        text = json.dumps(_finite(dataclasses.asdict(self)), indent=1, allow_nan=False)
        write_text(folder / f"{self.id}.json", text + "\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what `write` left. Raises: CacheError: it is not there, or not whole."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            kept["metrics"] = {
                split: {name: math.nan if v is None else float(v) for name, v in scores.items()}
                for split, scores in kept["metrics"].items()
            }
            return cls(**kept)
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            raise CacheError(f"record {str(path)!r}: expected what hgl bench left") from None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
