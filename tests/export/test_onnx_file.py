"""The exported graph says what PyTorch says, on anything."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hgl.aggregates.feature import Feature
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.errors import CacheError, ConfigError, MissingExtra
from hgl.export.calibration import Probabilities, Values
from hgl.export.onnx_file import check_installed, export
from hgl.export.onnx_scorer import OnnxScorer
from hgl.export.scorer_module import ScorerModule
from tests.export import shop


def plan_of(numbers: int, texts: int) -> FeaturePlan:
    numerical = [Feature("value", column=f"n{i}") for i in range(numbers)]
    categorical = [Feature("value", column=f"t{i}", categorical=True) for i in range(texts)]
    vocabularies = {f.name: ("a", "b", "c")[: 1 + i % 3] for i, f in enumerate(categorical)}
    return FeaturePlan("e", "strict", (*numerical, *categorical), vocabularies)


def anything(plan: FeaturePlan, rows: int) -> FeatureTable:
    """Numbers of any size and none, codes in and out of range."""
    random = np.random.default_rng(rows)
    numerical = random.normal(size=(rows, len(plan.numerical))) * 10.0 ** random.integers(
        -3, 12, (rows, len(plan.numerical))
    )
    for value in (np.nan, np.inf, -np.inf, 1e300, 0.0):
        numerical[random.random(numerical.shape) < 0.08] = value
    categorical = random.integers(-9, 12, (rows, len(plan.categorical)))
    categorical[random.random(categorical.shape) < 0.1] = 2**62
    return FeatureTable(plan, numerical, categorical)


@pytest.mark.parametrize(
    ("sizes", "calibration", "outputs", "extra"),
    [
        ((6, 3), Probabilities("multiclass", 0.7), 4, 0),
        ((4, 0), Values(centre=1e4, spread=500.0, low=9e3), 1, 0),
        ((0, 2), Probabilities("multilabel"), 3, 5),
    ],
)
def test_it_equals_pytorch(
    tmp_path: Path,
    sizes: tuple[int, int],
    calibration: Probabilities | Values,
    outputs: int,
    extra: int,
) -> None:
    plan = plan_of(*sizes)
    scorer = shop.scorer(plan, calibration, outputs, extra).train()
    assert export(scorer, tmp_path / "student.onnx", plan, extra=extra) <= 1e-5
    assert scorer.training, "left as it was"
    assert [f.name for f in tmp_path.iterdir()] == ["student.onnx"]
    exported = OnnxScorer(tmp_path / "student.onnx")
    for rows in (1, 7, 4096):
        table = anything(plan, rows)
        more = np.random.default_rng(0).normal(size=(rows, extra)) if extra else None
        expected = eager(scorer, table, more)
        found = exported(table, more)
        assert found.shape == expected.shape
        assert np.isfinite(found).all()
        assert np.abs(found - expected).max() <= 1e-5 * calibration.unit


def eager(scorer: ScorerModule, table: FeatureTable, extra: np.ndarray | None) -> np.ndarray:
    with np.errstate(over="ignore"), torch.no_grad():
        numerical = torch.tensor(table.numerical.astype(np.float32))
        more = None if extra is None else torch.tensor(extra.astype(np.float32))
        return scorer.eval()(numerical, torch.tensor(table.categorical), more).numpy()


class Branching(nn.Module):
    """Goes one way or the other by what it is given."""

    def forward(self, numerical: Tensor, categorical: Tensor) -> Tensor:
        return numerical[:, :1] if categorical.sum() > 3 else numerical[:, 1:2]


class Noisy(nn.Module):
    """Says something else each time."""

    def forward(self, numerical: Tensor, categorical: Tensor) -> Tensor:
        return torch.rand_like(numerical[:, :1])


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Branching(), "Branching cannot be exported to ONNX: Could not guard on data-dependent"),
        (Noisy(), "Noisy differs by 0."),
    ],
)
def test_what_cannot_be_exported_is_one_clear_error(
    network: nn.Module,
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    scorer = ScorerModule(network, Probabilities("binary"))
    with pytest.raises(ConfigError) as error:
        export(scorer, tmp_path / "student.onnx", plan_of(3, 1))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
    assert not [r for r in caplog.records if r.levelno >= logging.INFO]


def test_columns_of_another_plan(tmp_path: Path) -> None:
    scorer = shop.scorer(plan_of(2, 1), Probabilities("binary"))
    with pytest.raises(ConfigError, match="TableMLP does not fit the plan's columns"):
        export(scorer, tmp_path / "student.onnx", plan_of(3, 1))


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(b"not a model")
    with pytest.raises(CacheError, match=r"student.onnx is no model that ONNX Runtime reads"):
        OnnxScorer(tmp_path / "student.onnx")
    with pytest.raises(CacheError, match="cannot be read"):
        OnnxScorer(tmp_path / "none.onnx")


@pytest.mark.parametrize("library", ["onnx", "onnxscript", "onnxruntime"])
def test_what_is_not_installed_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"needs {library}: pip install 'hgl-rdl\[export\]'"):
        check_installed()
