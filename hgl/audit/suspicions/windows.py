"""Label windows and splits: what a split learns or is scored by must end where the next begins."""

from __future__ import annotations

from collections.abc import Iterator

from hgl.audit.case import Case
from hgl.audit.suspicions.asked import by_split
from hgl.db import times
from hgl.results.finding import Finding
from hgl.tasks import splits


def windows(case: Case) -> Iterator[Finding]:
    """Flag label windows that overlap the next split, and seeds earlier than their split."""
    val, test = splits.timestamps(case.task, case.db)
    spans = [span for name in case.db.schema.tables if (span := case.db.span(name))]
    ends = {"train": (val, "val_timestamp"), "val": (test, "test_timestamp")}
    ends["test"] = (max((last for _, last in spans), default=test), "the last row")
    starts = {"val": (val, "val_timestamp"), "test": (test, "test_timestamp")}
    for split, rows in by_split(case).items():
        end, named = ends[split]
        late = int((rows["time"] + case.task.timedelta > end).sum())
        if late:
            yield _finding(
                f"{split} labels",
                f"{late} of {len(rows)} windows end after {named} ({times.text(end)})",
                "drop these labels, or move the timestamp: they tell what belongs to the next "
                "split, or are not complete",
            )
        start, named = starts.get(split, (None, ""))
        early = 0 if start is None else int((rows["time"] < start).sum())
        if start is not None and early:
            yield _finding(
                f"{split} labels",
                f"{early} of {len(rows)} seeds are earlier than {named} ({times.text(start)}), up "
                "to which training rows and the statistics of columns reach",
                f"move {named} to the first seed of the split, {times.text(rows['time'].min())}",
            )


def _finding(place: str, evidence: str, remedy: str) -> Finding:
    return Finding(
        check="label window", severity="suspicion", place=place, evidence=evidence, remedy=remedy
    )
