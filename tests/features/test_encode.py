"""Columns to arrays: by hand on a small table, and nothing learnt from later rows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch

from hgl.db import times
from hgl.db.database import Database
from hgl.errors import SchemaError
from hgl.features import dates, statistics
from hgl.features.encode import encode, feature_columns, measure_tables
from hgl.features.table import TableFeatures
from hgl.features.text import HashingEmbedder, embed_column

CUT = times.instant("2020-01-10")
MANIFEST = {
    "tables": {
        "visits": {
            "pkey": ["id"],
            "time_col": "at",
            "columns": {
                "amount": "numerical",
                "kind": "categorical",
                "paid": "boolean",
                "note": "text",
                "born": "timestamp",
            },
        }
    }
}


def visits(later_amount: float = 7.0, later_kind: str = "z") -> pd.DataFrame:
    """Ten daily rows up to the statistics' end, then two later ones."""
    return pd.DataFrame(
        {
            "id": range(12),
            "at": pd.date_range("2020-01-01", periods=12, tz="UTC"),
            "amount": [*map(float, range(9)), math.nan, later_amount, later_amount],
            "kind": [*"aaaaabbbc", None, later_kind, "a"],
            "paid": [True, False] * 6,
            "note": ["late again", None, *["fine"] * 10],
            "born": pd.date_range("1990-01-01", periods=12, freq="365D", tz="UTC"),
        }
    )


def features(frame: pd.DataFrame, hidden: tuple = ()) -> TableFeatures:
    db = Database.open({"visits": frame}, manifest=MANIFEST)
    return encode(db, measure_tables(db, stats_until=CUT, hidden=hidden))["visits"]


def parts_of(encoded: TableFeatures) -> torch.Tensor:
    return encoded.gather(torch.arange(encoded.num_rows))["timestamp"]


def test_numbers_are_scaled_by_the_training_quartiles_and_missing_stays_nan():
    block = features(visits()).blocks["numerical"][:, 0]
    # Known training amounts are 0..8: median 4, quartiles 2 and 6.
    expected = [(v - 4) / 4 for v in range(9)]
    np.testing.assert_allclose(block[:9], expected)
    assert block[9].isnan()
    assert block[10] == pytest.approx((7 - 4) / 4)


def test_quantiles_of_many_rows_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch):
    numbers = np.random.default_rng(0).normal(5, 2, 4000)
    frame = pd.DataFrame({"id": range(4000), "amount": numbers})
    table = {"pkey": ["id"], "columns": {"amount": "numerical"}}
    db = Database.open({"t": frame}, manifest={"tables": {"t": table}})
    exact = measure_tables(db, stats_until=CUT)["t"].scales["amount"]
    monkeypatch.setattr(statistics, "QUANTILE_ROWS", 1000)
    sampled = measure_tables(db, stats_until=CUT)["t"].scales["amount"]
    every_fourth = np.quantile(numbers[3::4], [0.25, 0.5, 0.75])
    assert sampled.centre == pytest.approx(every_fourth[1])
    assert sampled.spread == pytest.approx(every_fourth[2] - every_fourth[0])
    assert sampled.centre == pytest.approx(exact.centre, abs=0.2)
    assert sampled != exact


def test_how_many_rows_come_later_does_not_choose_the_sample(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    table = {"pkey": ["id"], "time_col": "at", "columns": {"amount": "numerical"}}
    monkeypatch.setattr(statistics, "QUANTILE_ROWS", 500)
    monkeypatch.setattr(dates, "SAMPLE", 500)
    scales = []
    for later in (0, 2000):
        at = pd.date_range("2020-01-01", periods=1500, freq="1min").union(
            pd.date_range("2020-02-01", periods=later, freq="1min")
        )
        amount = np.concatenate([np.random.default_rng(1).normal(size=1500), random.random(later)])
        frame = pd.DataFrame({"id": range(len(at)), "at": at, "amount": amount})
        db = Database.open({"t": frame}, manifest={"tables": {"t": table}})
        scales.append(measure_tables(db, stats_until=CUT)["t"].scales)
    assert scales[0] == scales[1]
    assert "amount" in scales[0]


def test_codes_are_missing_unknown_then_by_training_frequency():
    encoded = features(visits())
    kind = encoded.layout.categorical.index("kind")
    assert encoded.blocks["categorical"][:, kind].tolist() == [2] * 5 + [3] * 3 + [4, 0, 1, 2]
    assert encoded.layout.cardinalities[kind] == 5


def test_rows_after_the_statistics_end_change_no_earlier_row():
    plain, forged = features(visits()), features(visits(1e9, "forged"))
    assert plain.layout == forged.layout
    early = torch.arange(10)
    again = forged.gather(early)
    for name, block in plain.gather(early).items():
        torch.testing.assert_close(block, again[name], rtol=0, atol=0, equal_nan=True)


def test_timestamps_have_a_phase_and_an_age():
    encoded = features(visits())
    parts = parts_of(encoded)
    assert parts.shape == (12, 2, 9)
    at, born = (encoded.layout.timestamp.index(c) for c in ("at", "born"))
    # All rows are at midnight, so the phase of the day is 0: sine 0, cosine 1.
    torch.testing.assert_close(parts[:, at, 3], torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(parts[:, at, 7], torch.ones(12))
    # A row's own time has no age; those born later are younger.
    assert parts[:, at, 8].unique().numel() == 1
    assert (parts[:, born, 8].diff() < 0).all()


def test_a_period_that_training_did_not_see_twice_is_no_feature():
    encoded = features(visits())
    at, born = (encoded.layout.timestamp.index(c) for c in ("at", "born"))
    parts = parts_of(encoded)
    # Nine days of visits: years, months and weeks are dates there; years of birth do recur.
    assert parts[:, at, [0, 1, 2, 4, 5, 6]].abs().sum() == 0
    assert parts[:, born, [4, 5, 6, 7]].abs().min() > 0


def test_text_is_hashed_and_null_text_is_zero():
    encoded = features(visits())
    text = encoded.blocks["text"][:, 0]
    assert text[1].abs().sum() == 0
    torch.testing.assert_close(text[0].norm(), torch.tensor(1.0))
    assert torch.equal(text[2], text[3])
    assert not torch.equal(text[0], text[2])


def test_hidden_columns_and_keys_are_no_features():
    db = Database.open({"visits": visits()}, manifest=MANIFEST)
    table = db.schema.table("visits")
    assert set(feature_columns(table)) == {"amount", "at", "born", "kind", "note", "paid"}
    encoded = features(visits(), hidden=(("visits", "amount"),))
    assert encoded.layout.numerical == ()
    assert "numerical" not in encoded.blocks


def test_later_rows_are_encoded_with_earlier_statistics():
    early = Database.open({"visits": visits().iloc[:10]}, manifest=MANIFEST)
    statistics = measure_tables(early, stats_until=CUT)
    late = Database.open({"visits": visits()}, manifest=MANIFEST)
    block = encode(late, statistics)["visits"].blocks["numerical"]
    torch.testing.assert_close(block, features(visits()).blocks["numerical"], equal_nan=True)


def test_a_column_that_left_the_database_is_named():
    db = Database.open({"visits": visits()}, manifest=MANIFEST)
    statistics = measure_tables(db, stats_until=CUT)
    manifest: Mapping = {"tables": {"visits": {"pkey": ["id"], "time_col": "at"}}}
    other = Database.open({"visits": visits().drop(columns="amount")}, manifest=manifest)
    with pytest.raises(SchemaError, match="amount"):
        encode(other, statistics)


def test_a_table_of_keys_alone_has_no_blocks_but_its_rows():
    db = Database.open({"keys": pd.DataFrame({"id": [1, 2, 3]})})
    encoded = encode(db, measure_tables(db, stats_until=CUT))["keys"]
    assert dict(encoded.blocks) == {}
    assert encoded.num_rows == 3


def test_an_empty_table_is_encoded():
    frame = visits().iloc[:0]
    encoded = features(frame)
    assert encoded.blocks["numerical"].shape == (0, 1)
    assert encoded.layout.cardinalities == (2, 2)


def test_gather_copies_the_rows_asked_for():
    encoded = features(visits())
    rows = torch.tensor([3, 3, 0])
    every = encoded.gather(torch.arange(12))
    assert every.keys() == {"numerical", "categorical", "text", "timestamp"}
    for name, block in encoded.gather(rows).items():
        assert torch.equal(block, every[name][rows])
    assert encoded.gather(rows, {"text", "other"}).keys() == {"text"}
    assert encoded.gather(rows, {"timestamp"}).keys() == {"timestamp"}


def test_each_distinct_string_is_embedded_once():
    import pyarrow as pa

    asked: list[str] = []

    class Spy(HashingEmbedder):
        def __call__(self, texts: list[str]) -> np.ndarray:
            asked.extend(texts)
            return super().__call__(texts)

    out = embed_column(pa.array(["b", "a", None, "b"]), Spy(8))
    assert sorted(asked) == ["a", "b"]
    assert out.shape == (4, 8)
    assert (out[2] == 0).all()
