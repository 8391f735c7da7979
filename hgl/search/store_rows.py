"""Rows of a store as values, and as a frame."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from hgl.search.trial_record import Done, Failure, TrialKey

_KEY = [field.name for field in dataclasses.fields(TrialKey)]
_TIMES = ["claimed", "heartbeat", "finished"]
_SHOWN = [*_KEY, "state", "worker", "attempts", *_TIMES, "error_type", "error"]


def done(row: Mapping[Any, Any]) -> Done:
    """Return how a trial ended."""
    key = TrialKey(**{name: row[name] for name in _KEY})
    if row["state"] == "failed":
        return Done(key, failure=Failure(row["error_type"], row["error"]))
    return Done(key, from_json(row["validation"]), json.loads(row["seconds"]))


def rows_frame(rows: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
    """Return a row per trial; see `TrialStore.frame`."""
    frame = pd.DataFrame([_flat(row) for row in rows])
    frame = frame.reindex(columns=[*_SHOWN, *(c for c in frame if c not in _SHOWN)])
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name].astype(float), unit="s", utc=True)
    return frame


def _flat(row: Mapping[Any, Any]) -> dict[str, Any]:
    found = {name: row[name] for name in _SHOWN}
    if row["state"] == "done":
        ended = done(row)
        found |= {f"validation.{name}": list(values) for name, values in ended.validation.items()}
        found |= {f"seconds.{name}": value for name, value in ended.seconds.items()}
    return found


def to_json(metrics: Mapping[str, Sequence[float]]) -> str:
    """Return metrics as JSON, which knows no NaN: an undefined value is null."""
    plain = {
        name: [None if math.isnan(value) else float(value) for value in values]
        for name, values in metrics.items()
    }
    return json.dumps(plain)


def from_json(text: str) -> dict[str, tuple[float, ...]]:
    """Return what `to_json` was given."""
    nan = float("nan")
    return {
        name: tuple(nan if value is None else value for value in values)
        for name, values in json.loads(text).items()
    }
