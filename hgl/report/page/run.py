"""What the folder of one run adds to its record: curve, predictions, how many questions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError
from hgl.report.page.gap import Gap
from hgl.results.prediction_file import SPLITS, PredictionFile
from hgl.results.question import Question
from hgl.results.record import Record


@dataclass(frozen=True)
class Run:
    """A record that is done, and what its folder holds.

    Attributes:
        question: None where the folder does not say.
        curve: one row per epoch.
        answers: split to predictions.
        num_train: training questions; None unknown.
        gaps: what is missing.
    """

    record: Record
    question: Question | None = None
    curve: tuple[Mapping[str, Any], ...] = ()
    answers: Mapping[str, PredictionFile] = field(default_factory=dict)
    num_train: int | None = None
    gaps: tuple[Gap, ...] = ()


def read_run(record: Record) -> Run:
    """Read what is there."""
    shown = f"{record.model}, seed {record.seed} ({record.id})"
    if record.folder is None or not record.folder.is_dir():
        why = (
            "there is no folder of its run" if record.folder is None else "the run's folder is gone"
        )
        return Run(record, gaps=(Gap(f"curve or predictions of {shown}", why),))
    curve: tuple[Mapping[str, Any], ...] = ()
    answers: dict[str, PredictionFile] = {}
    gaps, question = [], None
    try:
        curve = _curve(record.folder / "metrics.jsonl")
    except CacheError as error:
        gaps.append(Gap(f"curve of {shown}", str(error)))
    try:
        question = Question.read(record.folder)
        for split in SPLITS:
            file = record.folder / "predictions" / f"{split}.parquet"
            answers[split] = PredictionFile.read(file, question)
    except CacheError as error:
        gaps.append(Gap(f"predictions of {shown}", str(error)))
    return Run(record, question, curve, answers, _num_train(record.folder), tuple(gaps))


def _curve(file: Path) -> tuple[Mapping[str, Any], ...]:
    if not file.exists():
        raise CacheError("it was not trained in epochs")
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        return tuple({**row, "epoch": int(row["epoch"])} for row in rows)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CacheError(f"metrics.jsonl cannot be read ({type(error).__name__})") from None


def _num_train(folder: Path) -> int | None:
    try:
        stored = read_yaml(folder / "results.yaml")
        return int(stored["seeds"]["train"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
