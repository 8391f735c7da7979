"""The curve never gets worse within a rung, in the metric as it is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hgl.search.report import Scored
from hgl.search.report.curve import progress, save_curve
from tests.search.report.made import keys_help, searched


@pytest.mark.parametrize("metric", ["roc_auc", "mae"])
def test_best_so_far(metric: str) -> None:
    sign = -1 if metric == "mae" else 1
    result = searched(metric=metric, truth=lambda model: sign * keys_help(model))
    frame = progress(result)
    best: dict[int, float] = {}
    for trial, row in zip(result.scored, frame.itertuples(), strict=True):
        if trial.score is not None:
            best[trial.rung] = max(best.get(trial.rung, -np.inf), trial.score)
        assert row.best == pytest.approx(sign * best[trial.rung])
        assert row.spent == trial.spent
        assert np.isnan(row.validation) == (trial.score is None)


def test_first_trial_fails(tmp_path: Path) -> None:
    result = searched(models=5)
    failed = Scored(result.scored[2].model, 0, None, (), 0.01, error="too large")
    result = replace(result, scored=(failed, *result.scored), default=None)
    assert np.isnan(progress(result)["best"][0])
    save_curve(result, tmp_path / "curve.png")
    assert imread(tmp_path / "curve.png").std() > 0.05
