"""Reading tasks: our YAML, RelBench's folders, bundled names, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hgl.errors import TaskError
from hgl.tasks.task import Task

FIELDS: dict[str, Any] = {
    "name": "buys",
    "entity_table": "users",
    "entity_col": "user_id",
    "target_col": "buys",
    "kind": "binary",
    "timedelta": "10 days",
    "sql": "SELECT 1",
}


def write(path: Path, changed: dict[str, Any]) -> Path:
    kept = {name: value for name, value in {**FIELDS, **changed}.items() if value is not None}
    path.write_text(yaml.safe_dump(kept))
    return path


def test_defaults(tmp_path: Path) -> None:
    task = Task.from_yaml(write(tmp_path / "buys.yaml", {}))
    assert task.entity_col == ("user_id",)
    assert task.timedelta == 10 * 86400
    assert task.time_col == "timestamp"
    assert task.num_eval_timestamps == 1
    assert task.num_train_timestamps is None
    assert task.metric == "roc_auc"
    assert task.higher_is_better
    assert task.folder is None


def test_every_field(tmp_path: Path) -> None:
    changed = {
        "entity_col": ["origin", "hour"],
        "kind": "regression",
        "metric": "rmse",
        "time_col": "at",
        "num_eval_timestamps": 3,
        "num_train_timestamps": 7,
        "val_timestamp": "2020-01-01",
        "test_timestamp": "2020-02-01T12:00:00",
        "remove_columns": [["users", "age"]],
        "entity_sql": "SELECT 2",
        "description": "two\nlines",
    }
    task = Task.load(write(tmp_path / "buys.yaml", changed))
    assert task.entity_col == ("origin", "hour")
    assert (task.metric, task.higher_is_better) == ("rmse", False)
    assert (task.num_eval_timestamps, task.num_train_timestamps) == (3, 7)
    assert (task.val_timestamp, task.test_timestamp) == (1577836800, 1580558400)
    assert task.remove_columns == (("users", "age"),)
    assert task.entity_sql == "SELECT 2"
    assert task.description == "two lines"


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"kind": "forecast", "task_type": "binary_classification"}, "binary"),
        ({"kind": "external", "task_type": "multiclass_classification"}, "multiclass"),
        ({"kind": "forecast", "task_type": "multilabel_classification"}, "multilabel"),
        ({"kind": None, "task_type": "regression"}, "regression"),
    ],
)
def test_words_of_relbench(tmp_path: Path, written: dict[str, Any], kind: str) -> None:
    written |= {"manifest_version": 1, "extra_files": []}
    assert Task.from_yaml(write(tmp_path / "t.yaml", written)).kind == kind


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"horizon": 3}, "unknown field.*'horizon'.*known are: autocomplete, description"),
        ({"entity_table": None, "timedelta": None}, "'entity_table', 'timedelta' missing"),
        ({"kind": None}, "field 'kind' is missing; expected one of binary"),
        ({"kind": "forecast"}, "field 'kind' is missing"),
        ({"kind": "ranking"}, "kind='ranking' is not supported"),
        ({"kind": "autocomplete", "task_type": "regression"}, "has no use for 'sql'"),
        ({"kind": "external", "task_type": "recommendation"}, "'dst_entity_table', "),
        ({"timedelta": "soon"}, "timedelta='soon'"),
        ({"timedelta": "-1 days"}, "timedelta='-1 days'"),
        ({"num_eval_timestamps": 0}, "num_eval_timestamps=0; expected a whole number"),
        ({"num_train_timestamps": "all"}, "num_train_timestamps='all'"),
        ({"val_timestamp": "yesterday"}, "val_timestamp='yesterday'"),
        ({"metric": "mae"}, "metric='mae'; binary has roc_auc"),
        ({"entity_col": []}, r"entity_col=\[\]"),
        ({"entity_col": 3}, "entity_col=3"),
        ({"remove_columns": ["age"]}, r"remove_columns=\['age'\]"),
        ({"target_col": "user_id"}, "share a name"),
        ({"sql": None}, "field 'sql' is missing"),
        ({"sql": 5}, "sql=5; expected text"),
        ({"entity_sql": ["SELECT 1"]}, r"entity_sql=\['SELECT 1'\]; expected text"),
        ({"entity_table": ["users"]}, r"entity_table=\['users'\]; expected text"),
        ({"name": " "}, "name=' '; expected a name"),
        ({"metric": True}, "metric=True; expected text"),
        ({"remove_columns": ["ab", "cd"]}, r"remove_columns=\['ab', 'cd'\]; expected a list of"),
        ({"val_timestamp": 10**19}, "val_timestamp=10000000000000000000"),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        Task.from_yaml(write(tmp_path / "buys.yaml", changed))


@pytest.mark.parametrize(
    ("content", "said"),
    [("- a list", "holds list"), ("{", "cannot be read as YAML"), ("", "holds NoneType")],
)
def test_files_without_fields_are_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(content)
    with pytest.raises(TaskError, match=said):
        Task.from_yaml(path)


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"absent\.yaml' cannot be read"):
        Task.load(tmp_path / "absent.yaml")
    with pytest.raises(
        TaskError, match=r"has no manifest\.yaml \(RelBench 2 wrote none\); add one with name"
    ):
        Task.load(tmp_path)
    with pytest.raises(
        TaskError, match="neither a file, nor a folder, nor one of: air-time, airport-delay"
    ):
        Task.load("plane-early")


@pytest.mark.parametrize(
    "name", ["plane-late", "airport-delay", "home-runs", "air-time", "plane-destinations"]
)
def test_bundled_tasks_load_by_name(name: str) -> None:
    task = Task.load(name)
    assert task.name == name
    assert task.description
    assert task.sql or task.autocomplete
    assert task.entity_sql or task.autocomplete
