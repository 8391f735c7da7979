"""Task files: fields that are what they say, or one line that names the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hgl.db import times
from hgl.tasks.metrics import KINDS, metrics_of
from hgl.tasks.task import Task
from tests.fuzz.cases import fuzz, outcome
from tests.fuzz.hostile import damaged, mutated, names, trees

FORECAST = {
    "name": "late",
    "entity_table": "users",
    "entity_col": "user_id",
    "target_col": "late",
    "kind": "binary",
    "timedelta": "30 days",
    "num_eval_timestamps": 3,
    "val_timestamp": "2025-06-01",
    "test_timestamp": "2025-09-01",
    "metric": "auroc",
    "remove_columns": [["users", "age"]],
    "sql": "SELECT timestamp, user_id, 1 AS late FROM timestamps, users",
}
RECOMMENDATION = {
    "name": "visits",
    "kind": "recommendation",
    "src_entity_table": "users",
    "src_entity_col": ["user_id"],
    "dst_entity_table": "shops",
    "dst_entity_col": ["shop_id"],
    "eval_k": 10,
    "timedelta": 86400,
    "manifest_version": 1,
    "sql": "SELECT 1",
}
COMPLETION = {
    "name": "age",
    "kind": "regression",
    "autocomplete": True,
    "entity_table": "users",
    "target_col": "age",
    "keep_columns": [["users", "height"]],
}
FILES = [FORECAST, RECOMMENDATION, COMPLETION]
FIELDS = st.sampled_from(sorted({name for file in FILES for name in file}))


def _check(task: Task, stored: dict[str, Any]) -> None:
    """Check an accepted task against what the file says."""
    assert task.kind in KINDS
    assert task.metric in metrics_of(task.kind)
    assert task.timedelta > 0
    assert task.num_eval_timestamps >= 1
    assert task.name == str(stored["name"])
    assert len({task.time_col, *task.entity_col, *task.target_cols}) == 1 + len(
        task.entity_col
    ) + len(task.target_cols)
    for field in ("val_timestamp", "test_timestamp"):
        if (found := getattr(task, field)) is not None:
            assert found == times.instant(stored[field])
            assert times.instant(times.text(found)) == found


@fuzz(0.7)
@given(
    stored=st.sampled_from(FILES).flatmap(mutated).filter(lambda found: isinstance(found, dict))
    | st.dictionaries(FIELDS | names, trees(), max_size=6)
)
def test_fields_are_a_task_or_refused(stored: Any) -> None:
    found = outcome(lambda: Task.from_mapping(stored, "task 'x'"))
    if isinstance(found, Task):
        _check(found, stored)


@fuzz(0.3)
@given(content=st.sampled_from(FILES).flatmap(lambda file: damaged(yaml.safe_dump(file).encode())))
def test_a_damaged_file_is_a_task_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "task.yaml"
    file.write_bytes(content)
    found = outcome(lambda: Task.from_yaml(file))
    if isinstance(found, Task):
        # The reader that hgl uses: PyYAML's slow one refuses a tab before a colon.
        _check(found, yaml.load(content, Loader=yaml.CSafeLoader))
