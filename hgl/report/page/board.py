"""The leaderboard of a group as plain rows: what the page, the Markdown and the CSV share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgl.report.page.group import Group
from hgl.report.page.record import Record
from hgl.report.page.references import Reference
from hgl.report.page.run_folder import without_place


@dataclass(frozen=True)
class Score:
    """One split over seeds.

    Attributes:
        mean, std: over seeds; std is nan for one seed.
        low, high: ends of the seeds' 95 % intervals, averaged; nan where unknown.
    """

    mean: float = math.nan
    std: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Row:
    """One line of a leaderboard.

    Attributes:
        model: as filters know it.
        variant: the settings in which it differs from other lines of that model, or "".
        seeds: those that are done.
        asked: how many there are, failures included; 0 for a published line.
        status: `done`, `published`, or what a failure was.
        published: of this model, from elsewhere.
        twins: other models with the same predictions.
    """

    model: str
    variant: str = ""
    test: Score = Score()
    val: Score = Score()
    seeds: tuple[int, ...] = ()
    asked: int = 0
    seconds: float = math.nan
    peak_bytes: float = math.nan
    status: str = "done"
    error: str = ""
    published: tuple[Reference, ...] = ()
    twins: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()

    @property
    def label(self) -> str:
        """Model and variant."""
        return f"{self.model} ({self.variant})" if self.variant else self.model


def board(group: Group, references: Sequence[Reference]) -> list[Row]:
    """Return the lines of a group, the best on test first, then failures, then published ones.

    Args:
        references: those of the group's question and policy.
    """
    said = _said(group.records)
    parts = list(_parts(group.records))
    sign = -1 if group.first.higher_is_better else 1
    rows = [_row(model, variant, part, references, said) for model, variant, part in parts]
    done = [row for row in rows if row.seeds]
    done.sort(key=lambda row: (math.isnan(row.test.mean), sign * row.test.mean, row.label))
    failed = [
        _failure(model, variant, r) for model, variant, part in parts for r in part if not r.done
    ]
    met = {reference for row in done for reference in row.published}
    others = [r for r in references if r not in met]
    return [*done, *failed, *_published(others)]


def _published(references: Sequence[Reference]) -> list[Row]:
    methods: dict[str, list[Reference]] = {}
    for reference in references:
        methods.setdefault(reference.method, []).append(reference)
    return [Row(m, status="published", published=tuple(each)) for m, each in methods.items()]


def _failure(model: str, variant: str, record: Record) -> Row:
    return Row(model, variant, asked=1, status=record.status, error=record.error, records=(record,))


def _row(
    model: str,
    variant: str,
    records: Sequence[Record],
    references: Sequence[Reference],
    said: Mapping[str, set[str]],
) -> Row:
    done = tuple(r for r in records if r.done)
    same = {m for r in done for m in said.get(r.predictions.get("test", ""), ())}
    peaks = [r.peak_bytes for r in done if r.peak_bytes is not None]
    return Row(
        model=model,
        variant=variant,
        test=_score(done, "test"),
        val=_score(done, "val"),
        seeds=tuple(r.seed for r in done),
        asked=len(records),
        seconds=_mean([r.seconds for r in done if r.seconds is not None]),
        peak_bytes=max(peaks, default=math.nan),
        published=tuple(r for r in references if r.stands_for(model)),
        twins=tuple(sorted(same - {model})),
        records=done,
    )


def _score(records: Sequence[Record], split: str) -> Score:
    values = [r.score(split) for r in records]
    ends = [r.interval[split] for r in records if split in r.interval]
    whole = len(ends) == len(records)
    low, high = np.mean(ends, axis=0) if ends and whole else (math.nan, math.nan)
    std = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Score(_mean(values), std, float(low), float(high))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _parts(records: Sequence[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    """Records by model and by settings, each with the settings that only it has."""
    models: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        settings = repr(sorted(_leaves(without_place(record.config))))
        models.setdefault(record.model, {}).setdefault(settings, []).append(record)
    for model, variants in models.items():
        flat = [dict(_leaves(without_place(part[0].config))) for part in variants.values()]
        for own, part in zip(flat, variants.values()):
            yield model, _told(own, [other for other in flat if other is not own]), part


def _told(own: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> str:
    """The settings of one variant that others lack."""
    keys = {key for other in others for key in {**own, **other} if own.get(key) != other.get(key)}
    return ", ".join(f"{key}={own.get(key, 'default')}" for key in sorted(keys))


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(node, Mapping):
        yield path, str(node)
        return
    for key, value in node.items():
        yield from _leaves(value, f"{path}.{key}" if path else str(key))


def _said(records: Sequence[Record]) -> dict[str, set[str]]:
    """Digest of test predictions to the models that made them."""
    said: dict[str, set[str]] = {}
    for record in records:
        if digest := record.predictions.get("test"):
            said.setdefault(digest, set()).add(record.model)
    return said
