"""Records as tables: one per database, policy and cut, which never share a column."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hgl.report.numbers import NONE, ends, gigabytes, number
from hgl.results.record import Record
from hgl.results.runs import Runs

_COLUMNS = ("model", "tuning", "val", "test", "over seeds", "over entities", "seeds", "s", "GB")
_FIELDS = (
    *("dataset", "policy", "cut", "task", "metric", "model", "trials", "seeds", "failed"),
    *("val_mean", "test_mean", "test_low", "test_high", "entities_low", "entities_high"),
    *("seconds", "peak_bytes", "notes", "records"),
)


@dataclass(frozen=True)
class Row:
    """The runs of one contender on one task under one regime, tuned by as many trials."""

    runs: Runs

    @property
    def first(self) -> Record:
        """Any record, for what they share."""
        return self.runs.records[0]

    @property
    def trials(self) -> int:
        """Runs that tuning spent; 0 for none."""
        return _trials(self.first)

    @property
    def notes(self) -> list[str]:
        """What a reader has to know before believing it."""
        failed = self.runs.failed
        notes = [f"seed {r.seed} {r.status}: {r.error} ({r.id})" for r in failed]
        if self.runs.twins:
            notes.append(f"predicts exactly what {', '.join(self.runs.twins)} predicts")
        tuned = [r.tuning["chosen"] for r in self.runs.records if r.tuning]
        chosen = sorted({" ".join(words) for words in tuned})
        return [
            *notes,
            *(f"tuning chose {words or 'the settings as they are'}" for words in chosen),
        ]


@dataclass(frozen=True)
class Board:
    """Rows by database, policy, cut and task; models in the order they were asked for."""

    rows: Sequence[Row]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Board:
        """Arrange records."""
        groups: dict[tuple[object, ...], list[Record]] = defaultdict(list)
        for r in records:
            groups[r.data, r.policy, r.cut, r.task, r.model, _trials(r)].append(r)
        return cls([Row(Runs.among(each, records)) for each in groups.values()])

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
        codes = {record.code for row in self.rows for record in row.runs.records}
        if len(codes) > 1:
            lines += [f"These records were made by {len(codes)} versions of the code.", ""]
        return "\n".join([*lines, _LEGEND, ""])

    def csv(self) -> str:
        """Return a line per row; nothing for a number that is not known."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _known(v) for k, v in _line(row).items()} for row in self.rows)
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


def _trials(record: Record) -> int:
    return int((record.tuning or {}).get("trials", 0))


def _table(task: str, rows: Sequence[Row]) -> list[str]:
    first = rows[0].first
    direction = "higher" if first.higher_is_better else "lower"
    head = [f"### {task}: {first.metric}, {direction} is better", ""]
    head += [f"| {' | '.join(_COLUMNS)} |", f"|{'-|' * len(_COLUMNS)}"]
    notes = [f"- {row.first.model}: {note}" for row in rows for note in row.notes]
    return [*head, *map(_shown, rows), *(["", *notes] if notes else [])]


def _shown(row: Row) -> str:
    runs, test = row.runs, row.runs.score("test")
    cells = [
        row.first.model,
        f"{row.trials} trials" if row.trials else NONE,
        number(runs.score("val").mean),
        number(test.mean),
        ends(*test.over_seeds),
        ends(test.low, test.high),
        f"{len(runs.done)}" + (f", {len(runs.failed)} failed" if runs.failed else ""),
        number(runs.seconds, 0),
        gigabytes(runs.peak_bytes),
    ]
    return f"| {' | '.join(cells)} |"


def _line(row: Row) -> dict[str, object]:
    first, runs, test = row.first, row.runs, row.runs.score("test")
    low, high = test.over_seeds
    return {
        "dataset": first.dataset,
        "policy": first.policy,
        "cut": first.cut,
        "task": first.task,
        "metric": first.metric,
        "model": first.model,
        "trials": row.trials,
        "seeds": len(runs.done),
        "failed": len(runs.failed),
        "val_mean": runs.score("val").mean,
        "test_mean": test.mean,
        "test_low": low,
        "test_high": high,
        "entities_low": test.low,
        "entities_high": test.high,
        "seconds": runs.seconds,
        "peak_bytes": runs.peak_bytes,
        "notes": "; ".join(row.notes),
        "records": " ".join(r.id for r in runs.records),
    }


def _known(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
