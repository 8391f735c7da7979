"""Tables worked out by hand."""

from __future__ import annotations

import csv
import io

import pytest

from hgl.bench.board import Board
from tests.results.made import record


def test_the_interval_over_seeds_is_students() -> None:
    seeds = [record(v, seed=i, id=f"{i:012}") for i, v in enumerate((0.6, 0.7, 0.8))]
    (row,) = Board.of(seeds).rows
    # t(0.975, 2) = 4.3027, sd 0.1, sqrt 3
    test = row.runs.score("test")
    assert test.mean == pytest.approx(0.7)
    assert test.over_seeds == pytest.approx((0.7 - 0.24841, 0.7 + 0.24841), abs=1e-4)
    assert (test.low, test.high) == pytest.approx((0.6, 0.8))
    assert "| sage | – | 0.8000 | 0.7000 | [0.4516, 0.9484] |" in Board.of(seeds).markdown()


@pytest.mark.parametrize("regime", [{"policy": "frozen"}, {"cut": "strict"}])
def test_regimes_never_share_a_table(regime: dict[str, str]) -> None:
    board = Board.of([record(), record(id="1" * 12, **regime)])
    assert len(board.rows) == 2
    assert board.markdown().count("## shop, policy") == 2


def test_tuned_and_untuned_are_two_rows() -> None:
    tuned = record(id="1" * 12, tuning={"trials": 4, "chosen": ["trainer.lr=1"]})
    text = Board.of([record(), tuned]).markdown()
    assert "| sage | 4 trials |" in text
    assert "tuning chose trainer.lr=1" in text


def test_equal_predictions_under_two_names_are_flagged() -> None:
    twin = record(model="latte", id="1" * 12)
    text = Board.of([record(), twin]).markdown()
    assert "- sage: predicts exactly what latte predicts" in text
    assert "- latte: predicts exactly what sage predicts" in text
    other = record(model="latte", predictions={"test": "other"}, id="1" * 12)
    assert "exactly" not in Board.of([record(), other]).markdown()
    elsewhere = record(model="latte", policy="frozen", id="1" * 12)
    assert "exactly" not in Board.of([record(), elsewhere]).markdown()


def test_a_failure_is_seen() -> None:
    lost = record(
        id="1" * 12,
        seed=1,
        status="timeout",
        error="stopped after 9 seconds",
        metrics={},
        predictions={},
        interval={},
    )
    text = Board.of([record(), lost]).markdown()
    assert "1, 1 failed" in text
    assert "seed 1 timeout: stopped after 9 seconds (111111111111)" in text
    only = Board.of([lost]).markdown()
    assert "| sage | – | – | – | – | – | 0, 1 failed | – |" in only


def test_records_of_two_versions_of_the_code_are_told() -> None:
    assert "2 versions" in Board.of([record(), record(id="1" * 12, code="other")]).markdown()


def test_the_same_rows_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(Board.of([record()]).csv())))
    assert [(r["policy"], r["cut"], r["model"], r["test_mean"]) for r in rows] == [
        ("rolling", "inclusive", "sage", "0.7")
    ]
    assert (rows[0]["entities_low"], rows[0]["records"]) == ("0.6", "0" * 12)
    assert (rows[0]["test_low"], rows[0]["notes"]) == ("", "")
