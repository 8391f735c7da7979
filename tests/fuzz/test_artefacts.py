"""Artefacts, checkpoints and arranged folders that were changed: whole, or one clear error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hgl.errors import HglError
from hgl.export.artefact import MANIFEST, MODEL, QUERY, Artefact, _digest
from hgl.export.manifest import Manifest
from hgl.export.onnx_scorer import OnnxScorer
from hgl.results.prediction_file import PredictionFile
from hgl.results.question import Question
from hgl.train.checkpoint import load_tensors, save_tensors
from tests.fuzz.cases import fuzz, outcome
from tests.fuzz.hostile import damaged, mutated

QUESTION = Question(
    name="late",
    kind="binary",
    metric="auroc",
    entity_table="users",
    target_col="late",
    timedelta=86400,
)


@pytest.fixture(scope="module")
def copy(artefact: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to change files in."""
    folder: Path = tmp_path_factory.mktemp("fuzz") / "student"
    shutil.copytree(artefact.folder, folder)
    return folder


@fuzz(0.3)
@given(data=st.data())
def test_a_damaged_file_is_refused(artefact: Artefact, copy: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([MODEL, MANIFEST, QUERY]))
    before = (artefact.folder / name).read_bytes()
    content = data.draw(damaged(before))
    (copy / name).write_bytes(content)
    try:
        found = outcome(lambda: Artefact.read(copy))
    finally:
        (copy / name).write_bytes(before)
    assert isinstance(found, HglError) or _same(content, before)


def _same(content: bytes, before: bytes) -> bool:
    """Whether nothing was changed but the blanks of JSON."""
    return content == before or json.loads(content) == json.loads(before)


@fuzz(0.4)
@given(data=st.data())
def test_a_manifest_that_was_signed_anew_is_read_or_refused(
    artefact: Artefact, copy: Path, data: st.DataObject
) -> None:
    kept = json.loads((artefact.folder / MANIFEST).read_text())
    files = kept["files"]
    for name in ("digest", "files", "columns", "format"):
        kept.pop(name)
    changed: Any = data.draw(mutated(kept).filter(lambda found: isinstance(found, dict)))
    changed = {**_plain(changed), "files": files, "format": 1}
    text = json.dumps({**changed, "digest": _digest(changed)})
    (copy / MANIFEST).write_text(text, encoding="utf-8", errors="surrogatepass")
    found = outcome(lambda: Artefact.read(copy))
    if isinstance(found, Artefact):
        assert Manifest.from_dict(found.manifest.to_dict()) == found.manifest


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
    return json.loads(json.dumps(value, default=str))


@fuzz(0.15)
@given(data=st.data())
def test_a_damaged_model_scores_or_is_refused(
    artefact: Artefact, copy: Path, data: st.DataObject
) -> None:
    file = copy / "other.onnx"
    file.write_bytes(data.draw(damaged((artefact.folder / MODEL).read_bytes())))
    outcome(lambda: OnnxScorer(file))


@fuzz(0.1)
@given(data=st.data())
def test_a_damaged_checkpoint_is_read_or_refused(copy: Path, data: st.DataObject) -> None:
    whole, file = copy / "whole.safetensors", copy / "weights.safetensors"
    save_tensors(whole, {"a": torch.ones(2, 3)}, {"epoch": 1})
    file.write_bytes(data.draw(damaged(whole.read_bytes())))
    outcome(lambda: load_tensors(file))


@fuzz(0.05)
@given(content=st.binary(max_size=40))
def test_predictions_that_are_none_are_refused(copy: Path, content: bytes) -> None:
    file = copy / "test.parquet"
    file.write_bytes(content)
    assert isinstance(outcome(lambda: PredictionFile.read(file, QUESTION)), HglError)
