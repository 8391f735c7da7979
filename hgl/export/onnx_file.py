"""From a trained scorer to one ONNX file, proven equal to it."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hgl.aggregates.plan import FeaturePlan
from hgl.errors import ConfigError, HglError, MissingExtra
from hgl.export.onnx_scorer import OnnxScorer
from hgl.export.scorer_module import ScorerModule

OPSET = 18
"""Of ONNX; what PyTorch's exporter writes without converting."""
TOLERANCE = 1e-5
"""Largest difference allowed, in the calibration's units."""
_BATCHES = (1, 7, 4096)
_EDGES = (np.nan, np.inf, -np.inf, 0.0, 3e38)


def export(scorer: ScorerModule, file: Path, plan: FeaturePlan, *, extra: int = 0) -> float:
    """Write one ONNX file for any number of seeds, and compare it with PyTorch.

    Args:
        scorer: trained; left as it is.
        file: to write.
        plan: the columns that the scorer reads.
        extra: columns beside the plan's.

    Returns: the largest difference met, in units of the calibration.

    Raises:
        ConfigError: the scorer cannot be exported, does not fit the plan, or predicts otherwise
            once it is exported.
        MissingExtra: onnx, onnxscript or onnxruntime is absent.
    """
    check_installed()
    whole = copy.deepcopy(scorer).cpu().eval()
    example = _inputs(plan, extra, 2, np.random.default_rng(0))
    name = type(scorer.network).__name__
    try:
        with torch.no_grad():
            whole(*map(torch.from_numpy, example.values()))
    except (RuntimeError, HglError) as error:
        raise ConfigError(f"{name} does not fit the plan's columns: {_first(error)}") from None
    _write(whole, file, example, name)
    difference = _difference(whole, OnnxScorer(file), plan, extra)
    if not difference <= TOLERANCE:
        raise ConfigError(
            f"{name} differs by {difference:.3g} once exported: expected at most {TOLERANCE:g}"
        )
    return difference


def check_installed() -> None:
    """Check that a student could be exported, before it is trained.

    Raises: MissingExtra: onnx, onnxscript or onnxruntime is absent.
    """
    for library in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(library)
        except ImportError:
            raise MissingExtra(library, "export", "exporting a student") from None


def _write(scorer: ScorerModule, file: Path, example: dict[str, np.ndarray], name: str) -> None:
    shapes = tuple({0: torch.export.Dim.DYNAMIC} for _ in example)
    try:
        with _quiet():
            program = torch.onnx.export(
                scorer,
                tuple(map(torch.from_numpy, example.values())),
                dynamo=True,
                opset_version=OPSET,
                input_names=[*example],
                output_names=["prediction"],
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
            assert program is not None
            program.save(file, external_data=False)
    except OSError as error:
        raise ConfigError(f"{str(file)!r} cannot be written ({error.strerror})") from None
    except Exception as error:  # of the tracer, the translator or the network itself
        raise ConfigError(f"{name} cannot be exported to ONNX: {_first(error)}") from None


def _first(error: BaseException) -> str:
    """First line of what went wrong at the bottom of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves what the exporter says: deprecations of its own, its traces of graphs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _inputs(
    plan: FeaturePlan, extra: int, rows: int, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Numbers of every size, some missing or without end; codes, some of them unknown."""
    size = 10.0 ** generator.uniform(-3, 8, (rows, len(plan.numerical)))
    numerical = size * generator.choice([-1.0, 1.0], size.shape)
    edges = generator.random(size.shape) < 0.2
    numerical[edges] = generator.choice(_EDGES, int(edges.sum()))
    highest = np.asarray(plan.cardinalities, np.int64) + 3
    categorical = generator.integers(-3, highest, (rows, len(highest)))
    inputs: dict[str, Any] = {"numerical": numerical.astype(np.float32), "categorical": categorical}
    if extra:
        inputs["extra"] = generator.normal(size=(rows, extra)).astype(np.float32)
    return inputs


def _difference(eager: ScorerModule, exported: OnnxScorer, plan: FeaturePlan, extra: int) -> float:
    generator = np.random.default_rng(1)
    worst = 0.0
    for rows in _BATCHES:
        inputs = _inputs(plan, extra, rows, generator)
        with torch.no_grad():
            expected = eager(*map(torch.from_numpy, inputs.values())).numpy()
        found = exported.run(**inputs)
        if found.shape != expected.shape:
            return float("inf")
        worst = max(worst, float(np.abs(found - expected).max()) / eager.calibration.unit)
    return worst
