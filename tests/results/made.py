"""Records made by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from hgl.results.record import Record

RECORD = Record(
    id="0" * 12,
    suite="s",
    dataset="shop",
    task="late",
    kind="binary",
    model="sage",
    seed=0,
    policy="rolling",
    cut="inclusive",
    metric="roc_auc",
    higher_is_better=True,
    status="done",
    words=["db=shop", "task=late", "model=sage"],
    data="d",
    code="c",
    started="2025-01-01T00:00:00.000+00:00",
    finished="2025-01-01T00:01:00.000+00:00",
    metrics={"val": {"roc_auc": 0.8}, "test": {"roc_auc": 0.7}},
    interval={"val": (0.75, 0.85), "test": (0.6, 0.8)},
    predictions={"val": "v", "test": "t"},
    seconds=60.0,
    peak_bytes=2**30,
    run="runs/0-1",
)


def record(test: float | None = None, **changes: Any) -> Record:
    """The record above, with another test score."""
    if test is not None:
        changes["metrics"] = {"val": {"roc_auc": 0.8}, "test": {"roc_auc": test}}
    return dataclasses.replace(RECORD, **changes)
