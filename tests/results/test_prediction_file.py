"""Predictions read back from a file, by kind of task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hgl.errors import CacheError
from hgl.results.prediction_file import PredictionFile
from hgl.results.question import Question
from hgl.tasks.metrics import evaluate
from hgl.train.predictions import prediction_frame
from tests.tasks.market import buys, market

COUNT = 200
SECONDS = np.arange(COUNT) % 4


def question(kind: str, metric: str) -> Question:
    return Question(
        name="late",
        kind=kind,
        metric=metric,
        entity_table="order",
        target_col="late",
        timedelta=1,
        eval_k=2 if kind == "recommendation" else None,
    )


def made(kind: str, metric: str, columns: dict[str, object]) -> PredictionFile:
    keys = {"id": np.arange(COUNT) // 4, "timestamp": SECONDS.astype("datetime64[s]")}
    return PredictionFile.of(pd.DataFrame({**keys, **columns}), question(kind, metric))


def test_an_interval_holds_the_score_it_is_about() -> None:
    target = np.arange(COUNT) % 2.0
    guess = 0.3 * target + np.random.default_rng(0).random(COUNT)
    low, high = made("binary", "roc_auc", {"late": target, "prediction": guess}).interval() or ()
    assert 0.5 < low < high < 1.0
    error = np.abs(target - guess).mean()
    low, high = made("regression", "mae", {"late": target, "prediction": guess}).interval() or ()
    assert low < error < high


def test_who_is_asked_the_same_has_the_same_questions() -> None:
    target = np.arange(COUNT) % 2.0
    one, other = (
        made("binary", "roc_auc", {"late": target, "prediction": p * target}) for p in (1, 2)
    )
    assert one.asked == other.asked
    assert one.digest != other.digest
    changed = made("binary", "roc_auc", {"late": 1 - target, "prediction": target})
    assert changed.asked != one.asked


def test_classes_and_labels_find_their_columns() -> None:
    names = np.array(["a", "b"])[np.arange(COUNT) % 2]
    right = {f"prediction_{n}": (names == n).astype(float) for n in ("a", "b")}
    assert made("multiclass", "accuracy", {"late": names, **right}).interval() == (1.0, 1.0)
    lists = [[name] for name in names]
    assert made("multilabel", "macro_roc_auc", {"late": lists, **right}).interval() == (1.0, 1.0)


def test_what_is_never_defined_has_no_interval() -> None:
    columns = {"late": np.zeros(COUNT), "prediction": np.zeros(COUNT)}
    assert made("binary", "roc_auc", columns).interval() is None
    assert made("unheard of", "roc_auc", columns).interval() is None


def test_a_digest_is_of_the_predictions_alone() -> None:
    columns = {"late": np.zeros(COUNT), "prediction": np.zeros(COUNT)}
    first = made("binary", "roc_auc", columns).digest
    assert made("binary", "roc_auc", {**columns, "late": np.ones(COUNT)}).digest == first
    assert made("binary", "roc_auc", {**columns, "prediction": np.ones(COUNT)}).digest != first


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "val.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CacheError, match=r"val\.parquet cannot be read"):
        PredictionFile.read(tmp_path / "val.parquet", question("binary", "roc_auc"))
    with pytest.raises(CacheError, match=r"there is no test\.parquet"):
        PredictionFile.read(tmp_path / "test.parquet", question("binary", "roc_auc"))


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("binary", {"late": [0.0, 1.0], "prediction": [0.5, np.nan]}),
        ("binary", {"late": [0.0, 2.0], "prediction": [0.5, 0.5]}),
        ("binary", {"prediction": [0.5, 0.5]}),
        ("binary", {"late": [0.0, 1.0]}),
        ("multiclass", {"late": ["a", "b"], "prediction_a": [0.5, 0.5]}),
        ("recommendation", {"late": [["a"], ["b"]], "prediction": [["a"], ["a", "b", "c"]]}),
        ("recommendation", {"late": [["a"], ["b"]], "prediction": [0.5, 0.5]}),
    ],
)
def test_what_the_task_does_not_ask_for_is_refused(
    kind: str, columns: dict[str, object], tmp_path: Path
) -> None:
    keys = {"id": [0, 1], "timestamp": np.zeros(2).astype("datetime64[s]")}
    pd.DataFrame({**keys, **columns}).to_parquet(tmp_path / "val.parquet")
    with pytest.raises(CacheError, match=r"val\.parquet is not what the task asks for"):
        PredictionFile.read(tmp_path / "val.parquet", question(kind, "accuracy"))


def test_scores_of_some_rows_are_those_of_these_rows() -> None:
    target = np.arange(COUNT) % 2.0
    file = made("regression", "mae", {"late": target, "prediction": target + SECONDS})
    assert file.score() == pytest.approx(1.5)
    assert [file.score(file.time == t) for t in range(4)] == pytest.approx([0, 1, 2, 3])
    assert np.isnan(file.score(file.time == 4))


def recommended(lists: list[list[object]], right: list[list[object]]) -> PredictionFile:
    """Two entities who are asked twice each."""
    keys = {"id": [0, 0, 1, 1], "timestamp": np.arange(4).astype("datetime64[s]")}
    frame = pd.DataFrame({**keys, "late": right, "prediction": lists})
    return PredictionFile.of(frame, question("recommendation", "map"))


def test_recommendations_are_scored_by_hand() -> None:
    right: list[list[object]] = [["a"], ["a", "b"], ["c"], ["c"]]
    # MAP@2: first, both, second, none; a list may be shorter than two.
    file = recommended([["a", "z"], ["b", "a"], ["z", "c"], []], right)
    assert file.score() == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert file.score(file.time >= 2) == pytest.approx(0.25)
    # Two entities: a resample has the first twice, the second twice, or each once.
    assert file.interval() == pytest.approx((0.25, 1.0))


def test_recommendations_of_numbers_and_of_several_columns_are_read() -> None:
    pairs = [{"a": 1, "b": n} for n in range(3)]
    right: list[list[object]] = [[pairs[0]], [pairs[1]], [pairs[0]], [pairs[0]]]
    assert recommended([[pairs[0], pairs[2]]] * 4, right).score() == pytest.approx(0.75)
    numbers: list[list[object]] = [[10], [9], [10], [10]]
    assert recommended([np.array([10, 2])] * 4, numbers).score() == pytest.approx(0.75)  # type: ignore[list-item]


def test_digests_of_recommendations_are_of_what_is_said_and_asked() -> None:
    right: list[list[object]] = [["a"], ["a", "b"], ["c"], ["c"]]
    one, same, other = (recommended([[each, "b"]] * 4, right) for each in ("a", "a", "z"))
    assert (one.digest, one.asked) == (same.digest, same.asked)
    assert one.digest != other.digest
    assert one.asked == other.asked
    long: list[list[object]] = [list(range(3000)), *right[1:]]
    less: list[list[object]] = [[n for n in range(3000) if n != 1500], *right[1:]]
    assert recommended([["a"]] * 4, long).asked != recommended([["a"]] * 4, less).asked


def test_what_a_recommender_leaves_is_scored_as_it_was(tmp_path: Path) -> None:
    task, db = buys(), market(out=tmp_path / "db")
    seeds = task.seeds(db, "test")
    guess = np.random.default_rng(0).integers(0, 30, (len(seeds), 1)) + np.arange(3)
    guess = np.where(guess < 30, guess, -1)
    prediction_frame(db, seeds, guess).to_parquet(tmp_path / "test.parquet")
    asked = Question.of(task, task.name, "buys")
    file = PredictionFile.read(tmp_path / "test.parquet", asked)
    expected = evaluate(task.kind, seeds.answers, guess)["map"]
    assert file.score() == pytest.approx(expected)
    low, high = file.interval() or (1.0, 0.0)
    assert low < expected < high
