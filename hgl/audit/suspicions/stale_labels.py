"""Label files that are no longer what the task's SQL makes of the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from hgl.audit.case import Case
from hgl.results.finding import Finding
from hgl.tasks.labels import label_table
from hgl.typing import Split


def stale_labels(case: Case) -> Iterator[Finding]:
    """Flag stored labels that differ from those made anew, where both can be had."""
    task = case.task
    if not task.sql or task.folder is None:
        return
    keys = [task.time_col, *task.entity_col]
    if task.destination is not None:
        keys += task.target_cols
    for split in get_args(Split):
        if not (task.folder / f"{split}.parquet").exists():
            continue
        stored = label_table(task, case.db, split)
        made = label_table(replace(task, folder=None), case.db, split)
        both = stored.merge(made, on=keys, how="outer", suffixes=("", " made"), indicator=True)
        alone = int((both["_merge"] != "both").sum())
        changed = 0
        if task.destination is None:
            pair = both[both["_merge"] == "both"]
            changed = int((pair[task.target_col] != pair[f"{task.target_col} made"]).sum())
        if alone or changed:
            yield Finding(
                check="stale label",
                severity="suspicion",
                place=f"{split}.parquet",
                evidence=f"of {len(stored)} stored labels and {len(made)} made by the sql, "
                f"{changed} differ and {alone} are in one of the two only",
                remedy="delete the file, so that the sql is used, or state which of them is meant; "
                "scores from different labels do not compare",
            )
