"""Files that are models, but not a student's, and files that are none."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from hgl.errors import CacheError
from hgl.export.onnx_scorer import OnnxScorer


def _model(file: Path, output: str, weights: TensorProto) -> None:
    """Write a model that gives its weights."""
    node = helper.make_node("Identity", [weights.name], [output])
    given = helper.make_tensor_value_info(output, TensorProto.UINT8, [4])
    graph = helper.make_graph([node], "g", [], [given], [weights])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), file)


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\3\4" * 50, b"\x08\x07" + b"\0" * 99])
def test_a_file_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "student.onnx").write_bytes(content)
    with pytest.raises(CacheError, match=r"student\.onnx (is no model|takes nothing)"):
        OnnxScorer(tmp_path / "student.onnx")


def test_a_model_of_somebody_else(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", TensorProto.UINT8, [4], [1, 2, 3, 4])
    _model(tmp_path / "student.onnx", "boxes", weights)
    with pytest.raises(CacheError, match="takes nothing and gives boxes: expected the network"):
        OnnxScorer(tmp_path / "student.onnx")


@pytest.mark.parametrize("place", ["../secret.bin", "secret.bin", "/etc/passwd", "link.bin"])
def test_weights_elsewhere_are_not_read(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "student"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"secret")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    monkeypatch.chdir(tmp_path)
    weights = TensorProto(name="w", data_type=TensorProto.UINT8, dims=[4])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("length", "4")):
        weights.external_data.add(key=key, value=value)
    _model(folder / "student.onnx", "prediction", weights)
    with pytest.raises(CacheError, match="is no model that ONNX Runtime reads"):
        OnnxScorer(folder / "student.onnx")
