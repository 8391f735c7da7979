"""Records of plain runs: what `hgl bench` would have written about folders of `hgl train`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hgl.db.yaml_file import read_yaml
from hgl.errors import CacheError
from hgl.report.page.gap import Gap
from hgl.results.prediction_file import SPLITS, PredictionFile
from hgl.results.question import Question
from hgl.results.record import DONE, UNFINISHED, Record
from hgl.tasks.metrics import METRICS

_BASELINES = "baselines"
_MEBIBYTE = 2**20


def read_runs(folders: Sequence[Path]) -> tuple[list[Record], list[Gap]]:
    """Return a record of each run and of the baselines beside it, and what cannot be read.

    Of runs with the same settings and seed the newest counts. Baselines do not depend on a seed:
    those of one run stand for all.
    """
    found: dict[tuple[Any, ...], Record] = {}
    beside: dict[tuple[Any, ...], Record] = {}
    gaps = []
    for folder in folders:
        try:
            record, lost = _record(folder)
        except CacheError as error:
            gaps.append(Gap(f"run {folder.name}", str(error)))
            continue
        gaps += lost
        older = found.setdefault(_same(record), record)
        if older is not record:
            kept, left = sorted([older, record], key=lambda r: (r.done, r.finished))[::-1]
            found[_same(record)] = kept
            gaps.append(Gap(f"row of run {left.id}", f"{kept.id} is newer and the same"))
        for other in _baselines(record):
            beside.setdefault(_same(other), other)
    return [*found.values(), *beside.values()], gaps


def without_place(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that can change a result: not where it ran, was read from or went."""
    outer = {"db", "task", "out", "resume", "baselines", "manifest", "_target_"}
    kept = {name: value for name, value in config.items() if name not in outer}
    inner = {"seed", "device", "watcher"}
    if isinstance(trainer := kept.get("trainer"), Mapping):
        kept["trainer"] = {name: value for name, value in trainer.items() if name not in inner}
    return kept


def _record(folder: Path) -> tuple[Record, list[Gap]]:
    notes, question = _mapping(folder / "run.yaml"), Question.read(folder)
    metric = question.metric
    try:
        config = notes.get("config") or {}
        record = Record(
            id="/".join(folder.absolute().parts[-2:]),
            dataset=str(notes["database"]["name"]),
            task=question.name,
            model=_network(config) or folder.name,
            policy=str(notes["policy"]),
            cut=str(notes["cut"]),
            metric=metric,
            status=UNFINISHED,
            seed=int(notes["seed"]),
            kind=question.kind,
            higher_is_better=metric not in METRICS or METRICS[metric].higher_is_better,
            error="it left no results.yaml",
            config=config,
            versions={k: str(v) for k, v in (notes.get("versions") or {}).items()},
            data=str(notes["database"]["fingerprint"]),
            folder=folder,
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CacheError(f"run.yaml is damaged ({type(error).__name__}: {error})") from None
    if not (folder / "results.yaml").exists():
        return record, []
    return _finished(record, question)


def _finished(record: Record, question: Question) -> tuple[Record, list[Gap]]:
    assert record.folder is not None
    file = record.folder / "results.yaml"
    results = _mapping(file)
    answers, gaps = _answers(record, question)
    try:
        phases = {n: row for n, row in results["phases"].items() if n != _BASELINES}
        finished = dataclasses.replace(
            record,
            status=DONE,
            error=None,
            metrics={split: dict(scores) for split, scores in results["metrics"].items()},
            interval={split: found.interval() for split, found in answers.items()},
            labels=answers["test"].asked if "test" in answers else None,
            phases=phases,
            seconds=sum(row["seconds"] for row in phases.values()),
            peak_bytes=max(row["peak_mb"] for row in phases.values()) * _MEBIBYTE,
            predictions={split: found.digest for split, found in answers.items()},
            finished=datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat("T", "seconds"),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CacheError(f"results.yaml is damaged ({type(error).__name__}: {error})") from None
    return finished, gaps


def _answers(record: Record, question: Question) -> tuple[dict[str, PredictionFile], list[Gap]]:
    assert record.folder is not None
    found, gaps = {}, []
    for split in SPLITS:
        file = record.folder / "predictions" / f"{split}.parquet"
        try:
            found[split] = PredictionFile.read(file, question)
        except CacheError as error:
            gaps.append(Gap(f"interval of {record.id} on {split}", str(error)))
    return found, gaps


def _baselines(record: Record) -> Iterator[Record]:
    """Scores of what stood beside a run."""
    file = record.folder / "baselines.yaml" if record.folder else None
    if not record.done or file is None or not file.exists():
        return
    for model, scores in _mapping(file).items():
        yield dataclasses.replace(
            record,
            id=f"{record.id}: {model}",
            model=str(model),
            seed=0,
            metrics=scores,
            interval={},
            config={},
            phases={},
            seconds=math.nan,
            peak_bytes=math.nan,
            predictions={},
            folder=None,
        )


def _same(record: Record) -> tuple[Any, ...]:
    """What two runs share that would stand in one cell."""
    question = (record.dataset, record.task, record.regime, record.data)
    return (*question, record.model, record.seed, repr(without_place(record.config)))


def _mapping(file: Path) -> Mapping[str, Any]:
    try:
        content = read_yaml(file)
    except (OSError, ValueError) as error:
        raise CacheError(f"{file.name} cannot be read ({type(error).__name__})") from None
    if not isinstance(content, Mapping):
        raise CacheError(f"{file.name} is no mapping")
    return content


def _network(config: Mapping[str, Any]) -> str:
    """The class name of the network, as `hgl train` prints it."""
    model = config.get("model") or {}
    return str(model.get("gnn", model).get("_target_", "")).rpartition(".")[2]
