"""Run a cell, and make a record of whatever came of it."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.bench.cell import Cell
from hgl.bench.code import code_digest, commit
from hgl.bench.process import Ended, Limits, run_limited
from hgl.db.cache import DISK_FULL
from hgl.db.redact import redact, redact_all
from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError, SourceError
from hgl.results.prediction_file import PredictionFile
from hgl.results.record import FAILED, Record
from hgl.tasks.metrics import METRICS

log = logging.getLogger(__name__)

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Bench:
    """How cells are run.

    Attributes:
        threads: of each process.
    """

    limits: Limits = field(default_factory=Limits)
    threads: int = 1

    def run(self, cell: Cell, folder: Path, home: Path, stopped: threading.Event) -> Record | None:
        """Run `hgl train` as a process of its own; None where it was stopped.

        Args:
            folder: of the run: new and empty; its log is beside it.
            home: of the store, which the record names the folder from.
        Raises: SourceError: a disk is full, which is no result, as other runs would meet it, too.
        """
        began = now()
        words = [f"db={cell.source.place}", *cell.train_words[1:], f"out={folder}"]
        command = [sys.executable, "-m", "hgl", "train", *words]
        log = folder.with_suffix(".log")
        environment = self._environment()
        ended = run_limited(command, log, self.limits, stopped, environment)
        if ended is None:
            return None
        if ended.error and ended.error.startswith(DISK_FULL):
            raise SourceError(ended.error)
        record = record_of(cell, folder, home, ended, began)
        return dataclasses.replace(record, threads=int(environment[_THREADS[0]]))

    def _environment(self) -> Mapping[str, str]:
        """Ours, with fewer threads where ours allows more."""
        ours = dict(os.environ)
        for name in _THREADS:
            set_here = ours.get(name, "")
            allowed = int(set_here) if set_here.isdigit() else self.threads
            ours[name] = str(min(allowed, self.threads))
        return ours


def record_of(cell: Cell, folder: Path, home: Path, ended: Ended, began: str) -> Record:
    """Return the record of a run that ended.

    Args:
        folder: that it was given; where it is done, its results are read.
        began: as `now` says it.
    """
    parts: dict[str, Any] = {"status": ended.status, "error": ended.error}
    if ended.status == "done":
        try:
            parts |= _found(cell, folder)
        except CacheError as error:
            parts |= {"status": FAILED, "error": str(error)}
        except Exception as error:  # One run must not end the whole grid.
            log.exception("what %s left cannot be read", folder)
            said = f"what it left cannot be read: {type(error).__name__}: {error}"
            parts |= {"status": FAILED, "error": redact(said)}
    memory = max([p["peak_mb"] for p in parts.get("phases", {}).values()], default=0.0)
    head, dirty = commit()
    tuning = {"trials": cell.trials, "chosen": list(cell.chosen)} if cell.trials else None
    return Record(
        id=cell.id,
        suite=cell.suite,
        dataset=cell.source.name,
        task=cell.question.name,
        kind=cell.question.kind,
        model=cell.contender,
        seed=cell.seed,
        policy=cell.policy,
        cut=cell.cut,
        metric=cell.question.metric,
        higher_is_better=METRICS[cell.question.metric].higher_is_better,
        words=[redact(word) for word in cell.train_words],
        data=cell.source.fingerprint,
        code=code_digest(),
        commit=head,
        dirty=dirty,
        tuning=tuning,
        seconds=round(ended.seconds, 2),
        peak_bytes=max(ended.peak_bytes, int(memory * 2**20)),
        run=str(folder.relative_to(home)),
        started=began,
        finished=now(),
        **parts,
    )


def _found(cell: Cell, folder: Path) -> dict[str, Any]:
    """What a run left. Raises: CacheError: not what it should have."""
    notes, results = (_yaml(folder / name) for name in ("run.yaml", "results.yaml"))
    splits = list(results["metrics"])
    files = {
        split: PredictionFile.read(folder / "predictions" / f"{split}.parquet", cell.question)
        for split in splits
    }
    return {
        "metrics": results["metrics"],
        "interval": {split: file.interval() for split, file in files.items()},
        "predictions": {split: file.digest for split, file in files.items()},
        "phases": results["phases"],
        "config": redact_all(notes["config"]),
        "versions": notes["versions"],
        "labels": files[splits[-1]].asked,
    }


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = read_yaml(path)
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise CacheError(f"run {str(path.parent)!r}: {path.name} is gone or damaged")
    return found


def now() -> str:
    """Return the time, ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
