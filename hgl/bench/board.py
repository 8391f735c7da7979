"""Records as tables: one per database, policy and cut, which never share a column."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hgl.bench.record import Record

_COLUMNS = ("model", "tuning", "val", "test", "over seeds", "over entities", "seeds", "s", "GB")
_FIELDS = (
    *("dataset", "policy", "cut", "task", "metric", "model", "trials", "seeds", "failed"),
    *("val_mean", "test_mean", "test_low", "test_high", "entities_low", "entities_high"),
    *("seconds", "peak_bytes", "notes", "records"),
)


@dataclass(frozen=True)
class Row:
    """The records of one contender on one task under one regime.

    Attributes:
        notes: what a reader has to know before believing it.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...]

    @property
    def first(self) -> Record:
        """Any of them, for what they share."""
        return self.records[0]

    @property
    def done(self) -> list[Record]:
        """Those with a result."""
        return [record for record in self.records if record.done]

    @property
    def trials(self) -> int:
        """Runs that tuning spent; 0 for none."""
        return int((self.first.tuning or {}).get("trials", 0))

    def values(self, split: str) -> np.ndarray:
        """Main scores of the seeds that have one."""
        return np.array([v for r in self.done if (v := r.value(split)) is not None])

    def mean(self, split: str) -> float | None:
        """Mean over seeds; None where there is none."""
        values = self.values(split)
        return float(values.mean()) if len(values) else None

    def over_seeds(self, split: str) -> tuple[float, float] | None:
        """95 % interval of the mean over seeds (Student's t); None for fewer than two."""
        values = self.values(split)
        if len(values) < 2:
            return None
        reach = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
        return float(values.mean() - reach), float(values.mean() + reach)

    def over_entities(self, split: str) -> tuple[float, float] | None:
        """Mean ends of the seeds' bootstrap intervals; None where no seed has one."""
        ends = [found for r in self.done if (found := r.interval.get(split))]
        if not ends:
            return None
        low, high = np.mean(ends, axis=0)
        return float(low), float(high)


@dataclass(frozen=True)
class Board:
    """Rows by database, policy, cut and task; models in the order they were asked for."""

    rows: Sequence[Row]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Board:
        """Arrange records."""
        groups: dict[tuple[object, ...], list[Record]] = defaultdict(list)
        for record in records:
            trials = (record.tuning or {}).get("trials", 0)
            key = (record.data, record.policy, record.cut, record.task, record.model, trials)
            groups[key].append(record)
        twins = _twins(records)
        return cls([Row(tuple(each), _notes(each, twins)) for each in groups.values()])

    def markdown(self) -> str:
        """Return a section per database, policy and cut, and a table per task."""
        lines: list[str] = []
        for (dataset, policy, cut, _), rows in self._by("dataset", "policy", "cut", "data").items():
            lines += [f"## {dataset}, policy {policy}, cut {cut}", ""]
            tasks: dict[str, list[Row]] = defaultdict(list)
            for row in rows:
                tasks[row.first.task].append(row)
            for task, each in tasks.items():
                lines += [*_table(task, each), ""]
        codes = {record.code for row in self.rows for record in row.records}
        if len(codes) > 1:
            lines += [f"These records were made by {len(codes)} versions of the code.", ""]
        return "\n".join([*lines, _LEGEND, ""])

    def csv(self) -> str:
        """Return a line per row."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_line(row) for row in self.rows)
        return text.getvalue()

    def _by(self, *names: str) -> dict[tuple[str, ...], list[Row]]:
        found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in self.rows:
            found[tuple(getattr(row.first, name) for name in names)].append(row)
        return found


_LEGEND = (
    "val, test: mean over seeds. over seeds: 95 % interval of the test mean (Student's t). over "
    "entities: 95 % interval of one run's test score, entities resampled, mean over seeds. tuning: "
    "trials on validation. s, GB: mean wall time and largest memory of a run."
)


def _table(task: str, rows: Sequence[Row]) -> list[str]:
    first = rows[0].first
    direction = "higher" if first.higher_is_better else "lower"
    head = [f"### {task}: {first.metric}, {direction} is better", ""]
    head += [f"| {' | '.join(_COLUMNS)} |", f"|{'-|' * len(_COLUMNS)}"]
    notes = [f"- {row.first.model}: {note}" for row in rows for note in row.notes]
    return [*head, *map(_shown, rows), *(["", *notes] if notes else [])]


def _shown(row: Row) -> str:
    seconds = [r.seconds for r in row.done]
    failed = len(row.records) - len(row.done)
    cells = [
        row.first.model,
        f"{row.trials} trials" if row.trials else "–",
        _number(row.mean("val")),
        _number(row.mean("test")),
        _ends(row.over_seeds("test")),
        _ends(row.over_entities("test")),
        f"{len(row.done)}" + (f", {failed} failed" if failed else ""),
        f"{np.mean(seconds):.0f}" if seconds else "–",
        f"{max(r.peak_bytes for r in row.records) / 2**30:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _line(row: Row) -> dict[str, object]:
    low, high = row.over_seeds("test") or (None, None)
    least, most = row.over_entities("test") or (None, None)
    first = row.first
    return {
        "dataset": first.dataset,
        "policy": first.policy,
        "cut": first.cut,
        "task": first.task,
        "metric": first.metric,
        "model": first.model,
        "trials": row.trials,
        "seeds": len(row.done),
        "failed": len(row.records) - len(row.done),
        "val_mean": row.mean("val"),
        "test_mean": row.mean("test"),
        "test_low": low,
        "test_high": high,
        "entities_low": least,
        "entities_high": most,
        "seconds": np.mean([r.seconds for r in row.done]) if row.done else None,
        "peak_bytes": max(r.peak_bytes for r in row.records),
        "notes": "; ".join(row.notes),
        "records": " ".join(r.id for r in row.records),
    }


def _twins(records: Sequence[Record]) -> dict[tuple[str, ...], set[str]]:
    """Who made the same predictions of a split, by task, regime and digest."""
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for record in records:
        for split, predictions in record.predictions.items():
            found[_place(record, split, predictions)].add(record.model)
    return found


def _place(record: Record, split: str, predictions: str) -> tuple[str, ...]:
    return (record.data, record.task, record.policy, record.cut, split, predictions)


def _notes(records: Sequence[Record], twins: dict[tuple[str, ...], set[str]]) -> tuple[str, ...]:
    notes = [f"seed {r.seed} {r.status}: {r.error} ({r.id})" for r in records if not r.done]
    same = {
        other
        for record in records
        for split, predictions in record.predictions.items()
        for other in twins[_place(record, split, predictions)] - {record.model}
    }
    if same:
        notes.append(f"predicts exactly what {', '.join(sorted(same))} predicts")
    chosen = {" ".join((r.tuning or {}).get("chosen", [])) for r in records if r.tuning}
    notes += [f"tuning chose {words or 'the settings as they are'}" for words in sorted(chosen)]
    return tuple(notes)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _ends(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"[{ends[0]:.4f}, {ends[1]:.4f}]"
