"""What a run left: enough to show it, and to run it again."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from hgl.errors import CacheError
from hgl.results.typed import finite, typed
from hgl.train.record import write_text

DONE, FAILED, TIMEOUT, MEMORY = "done", "failed", "timeout", "out of memory"
UNFINISHED = "unfinished"
_PLACES = ("file", "folder")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One training, or one that failed.

    Attributes:
        id: 12 hex digits of what identifies it; of a run outside a store, its folder.
        kind: of task.
        model: the contender's name.
        status: `done`, `failed`, `timeout`, `out of memory` or `unfinished`.
        error: why it is not done; one line.
        metrics: split to score to value; nan where it is undefined.
        interval: split to the ends of the 95 % interval of `metric`, entities resampled; None where
            it cannot be had.
        words: of `hgl train`, all but the folder; no secret.
        config: the whole configuration of the run.
        commit: of the code, None outside a git clone; `dirty` where files differ from it.
        data, labels, code: fingerprints of the database, of the questions of the last split with
            their answers, and of this package; empty where that is not known.
        tuning: `trials` and the words `chosen`; None without tuning.
        phases: name to `seconds` and `peak_mb`.
        threads: that computed; None unknown. Other numbers give other last digits.
        seconds: wall time of the whole process; nan unknown.
        peak_bytes: most resident memory; nan unknown.
        run: folder, relative to the store.
        predictions: split to a digest.
        started, finished: ISO 8601, UTC.
        file, folder: where the record and its run lie, None for nowhere; known to whoever read
            them, and not kept.
    """

    id: str
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
    data: str
    suite: str = ""
    words: list[str] = field(default_factory=list)
    code: str = ""
    started: str = ""
    finished: str = ""
    error: str | None = None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    interval: Mapping[str, tuple[float, float] | None] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    dirty: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None
    tuning: Mapping[str, Any] | None = None
    phases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    threads: int | None = None
    seconds: float = math.nan
    peak_bytes: float = math.nan
    run: str = ""
    predictions: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = field(default=None, compare=False)
    folder: Path | None = field(default=None, compare=False)

    @property
    def done(self) -> bool:
        """Whether it has a result."""
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
        """Return the main score on a split; nan where there is none."""
        return self.metrics.get(split, {}).get(self.metric, math.nan)

    def write(self, folder: Path) -> None:
        """Leave `<id>.json` in a folder, written aside and renamed; NaN becomes null."""
        kept = {k: v for k, v in dataclasses.asdict(self).items() if k not in _PLACES}
        text = json.dumps(finite(kept), indent=1, allow_nan=False)
        write_text(folder / f"{self.id}.json", text + "\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what `write` left: `<store>/records/<id>.json`.

        Raises: CacheError: it is not there, not whole, or its run lies outside the store.
        """
        hints = get_type_hints(cls)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            kept = {name: typed(value, hints[name], name) for name, value in stored.items()}
            folder = _inside(path.parents[1], kept.get("run", ""))
            return cls(**kept, file=path, folder=folder)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            reason = " ".join(str(error).split())
            expected = "expected what hgl bench left"
            raise CacheError(f"record {path.name}: {expected} ({reason})") from None


def _inside(store: Path, run: str) -> Path | None:
    folder = store / run
    if not folder.resolve().is_relative_to(store.resolve()):
        raise ValueError(f"run={run!r}: expected a folder in the store")
    return folder if run else None
