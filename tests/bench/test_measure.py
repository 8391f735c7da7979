"""A record of whatever came of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from hgl.bench.measure import now, record_of
from hgl.bench.process import Ended
from tests.bench.made import CELL

DONE = Ended("done", None, 1.0, 1)


def _left(folder: Path, **files: str) -> Path:
    run = folder / "runs" / "0-1"
    run.mkdir(parents=True)
    for name, text in files.items():
        (run / f"{name}.yaml").write_text(text)
    return run


def test_a_run_whose_folder_is_gone_failed(tmp_path: Path) -> None:
    record = record_of(CELL, tmp_path / "runs" / "0-1", tmp_path, DONE, now())
    assert record.status == "failed"
    assert "run.yaml is gone or damaged" in str(record.error)


@pytest.mark.parametrize(
    "results", ["metrics: {}", "metrics: 3", "phases: {}", "metrics: {test: 1}"]
)
def test_results_that_say_something_else_fail_that_run_only(tmp_path: Path, results: str) -> None:
    run = _left(tmp_path, run="config: {}", results=results)
    record = record_of(CELL, run, tmp_path, DONE, now())
    assert record.status == "failed"
    assert record.error
    assert not record.metrics
