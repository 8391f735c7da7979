"""From a task's YAML to checked fields: our words, and RelBench's manifest words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hgl.db import times
from hgl.db.yaml_file import read_yaml
from hgl.errors import HglError, SourceError, TaskError
from hgl.tasks.destination import Destination
from hgl.tasks.metrics import KINDS

REQUIRED = ("name", "entity_table", "entity_col", "target_col", "timedelta")
REQUIRED_OF_COLUMN = ("name", "entity_table", "target_col")
"""What a task that completes a column needs; the rest is the table's."""
OPTIONAL = (
    "autocomplete",
    "description",
    "entity_sql",
    "keep_columns",
    "kind",
    "metric",
    "num_eval_timestamps",
    "num_train_timestamps",
    "remove_columns",
    "sql",
    "task_type",
    "test_timestamp",
    "time_col",
    "val_timestamp",
)
_RELBENCH_ONLY = ("manifest_version", "evaluator", "extra_files")
_DESTINATION = ("dst_entity_table", "dst_entity_col", "eval_k")
_SOURCE = {"src_entity_table": "entity_table", "src_entity_col": "entity_col"}
"""What RelBench calls a recommendation's entity, and we call it like any other's."""
_RELBENCH_KINDS = ("forecast", "external", "autocomplete")
_MANIFEST_VERSION = 1
_SQL = ("sql", "entity_sql")


def read(path: Path) -> dict[str, Any]:
    """Return the mapping stored in a YAML file. Raises: TaskError: no file, no YAML, no mapping."""
    try:
        stored = read_yaml(path, "task")
    except SourceError as error:
        raise TaskError(str(error)) from error
    if not isinstance(stored, dict):
        raise TaskError(f"task {str(path)!r} holds {type(stored).__name__}; expected fields")
    return stored


def fields(stored: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the arguments of `Task` from a YAML mapping.

    Args:
        stored: our field names or those of RelBench's task manifest.
        source: where it came from, for messages.

    Raises: TaskError: a field is unknown, missing or not what was expected.
    """
    given = {_SOURCE.get(n, n): value for n, value in stored.items() if value is not None}
    _check_version(given, source)
    kind = _kind(given, source)
    destination = _destination(given, source) if kind == "recommendation" else None
    if destination is not None:
        given.setdefault("target_col", destination.dst_entity_col[0])
    autocomplete = _completes(given, source)
    _check_names(given, REQUIRED_OF_COLUMN if autocomplete else REQUIRED, source)
    return {
        **_when(given, source, autocomplete=autocomplete),
        "name": _text(given, "name", source),
        "kind": kind,
        "entity_table": _text(given, "entity_table", source),
        "target_col": _text(given, "target_col", source),
        "num_eval_timestamps": _count(given, "num_eval_timestamps", source) or 1,
        "num_train_timestamps": _count(given, "num_train_timestamps", source),
        "val_timestamp": _instant(given, "val_timestamp", source),
        "test_timestamp": _instant(given, "test_timestamp", source),
        "metric": _text(given, "metric", source),
        "remove_columns": _pairs(given, "remove_columns", source),
        "keep_columns": _pairs(given, "keep_columns", source),
        "sql": _text(given, "sql", source) or None,
        "entity_sql": _text(given, "entity_sql", source) or None,
        "description": " ".join(_text(given, "description", source).split()),
        "destination": destination,
    }


def _kind(given: Mapping[str, Any], source: str) -> str:
    kind = given.get("kind")
    if kind in (*_RELBENCH_KINDS, None) and "task_type" in given:
        kind = str(given["task_type"]).removesuffix("_classification")
    if kind in KINDS:
        return str(kind)
    if kind is None or kind in _RELBENCH_KINDS:
        raise TaskError(f"{source}: field 'kind' is missing; expected one of {', '.join(KINDS)}")
    raise TaskError(f"{source}: kind={kind!r} is not supported; expected one of {', '.join(KINDS)}")


def _destination(given: Mapping[str, Any], source: str) -> Destination:
    missing = [name for name in _DESTINATION if name not in given]
    if missing:
        raise TaskError(f"{source}: field(s) {', '.join(map(repr, missing))} missing")
    return Destination(
        dst_entity_table=_text(given, "dst_entity_table", source),
        dst_entity_col=_names(given["dst_entity_col"], "dst_entity_col", source),
        eval_k=_count(given, "eval_k", source) or 1,
    )


def _check_version(given: Mapping[str, Any], source: str) -> None:
    version = given.get("manifest_version", _MANIFEST_VERSION)
    if version != _MANIFEST_VERSION:
        raise TaskError(
            f"{source}: manifest_version={version!r}; expected {_MANIFEST_VERSION}, the one that "
            "this hgl knows: a newer hgl may read it"
        )


def _completes(given: Mapping[str, Any], source: str) -> bool:
    """Whether a column of the entity table is the target: RelBench's kind, or as a run keeps it."""
    stated = given.get("autocomplete", given.get("kind") == "autocomplete")
    if type(stated) is not bool:
        raise TaskError(f"{source}: autocomplete={stated!r}; expected true or false")
    fields = ("sql", "entity_sql", "num_train_timestamps") if stated else ("keep_columns",)
    if wrong := [name for name in fields if name in given]:
        kind = "a task that" if stated else "only a task that"
        said = "has no use for" if stated else "has"
        raise TaskError(f"{source}: {kind} completes a column {said} {wrong[0]!r}")
    return stated


def _when(given: Mapping[str, Any], source: str, *, autocomplete: bool) -> dict[str, Any]:
    """Who is asked about and when; where a column is completed, the table says so."""
    if autocomplete:
        return {"autocomplete": True, "entity_col": (), "time_col": "", "timedelta": 1}
    return {
        "entity_col": _names(given["entity_col"], "entity_col", source),
        "time_col": _text(given, "time_col", source) or "timestamp",
        "timedelta": _seconds(given, "timedelta", source),
    }


def _check_names(given: Mapping[str, Any], required: Sequence[str], source: str) -> None:
    known = {*REQUIRED, *OPTIONAL, *_RELBENCH_ONLY, *_DESTINATION}
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise TaskError(
            f"{source}: unknown field(s) {', '.join(map(repr, unknown))}; "
            f"known are: {', '.join(sorted([*REQUIRED, *OPTIONAL, *_DESTINATION]))}"
        )
    missing = [name for name in required if name not in given]
    if missing:
        raise TaskError(f"{source}: field(s) {', '.join(map(repr, missing))} missing")


def _text(given: Mapping[str, Any], field: str, source: str) -> str:
    """Return a field's text, "" where it is absent; YAML reads a name such as 2024 as a number."""
    value = given.get(field, "")
    numbers = () if field in _SQL else (int, float)
    if not isinstance(value, (str, *numbers)) or isinstance(value, bool):
        raise TaskError(f"{source}: {field}={value!r}; expected text")
    if field in REQUIRED and not str(value).strip():
        raise TaskError(f"{source}: {field}={value!r}; expected a name")
    return str(value)


def _names(value: Any, field: str, source: str) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or any(type(n) is not str for n in names):
        raise TaskError(f"{source}: {field}={value!r}; expected a column name or a list of them")
    return tuple(names)


def _pairs(given: Mapping[str, Any], field: str, source: str) -> tuple[tuple[str, str], ...]:
    value = given.get(field, ())
    pairs = value if isinstance(value, list | tuple) else [value]
    if any(not isinstance(pair, list | tuple) or len(pair) != 2 for pair in pairs):
        raise TaskError(f"{source}: {field}={value!r}; expected a list of [table, column]")
    return tuple((str(table), str(column)) for table, column in pairs)


def _count(given: Mapping[str, Any], field: str, source: str) -> int | None:
    value = given.get(field)
    if value is not None and (type(value) is not int or value < 1):
        raise TaskError(f"{source}: {field}={value!r}; expected a whole number of 1 or more")
    return value


def _seconds(given: Mapping[str, Any], field: str, source: str) -> int:
    try:
        seconds = times.duration(given[field])
    except (HglError, ValueError, TypeError) as error:
        raise TaskError(f"{source}: {field}={given[field]!r}; expected '7 days'-like") from error
    if seconds <= 0:
        raise TaskError(f"{source}: {field}={given[field]!r}; expected more than zero")
    return seconds


def _instant(given: Mapping[str, Any], field: str, source: str) -> int | None:
    if field not in given:
        return None
    try:
        return times.instant(given[field])
    except (HglError, ValueError, TypeError) as error:
        raise TaskError(f"{source}: {field}={given[field]!r}; expected a date or a time") from error
