"""Regret has the right sign for every metric, and is of what validation chose."""

from __future__ import annotations

import numpy as np
import pytest

from hgl.errors import ConfigError
from hgl.search.bootstrap import compare, interval, summarise
from hgl.search.methods import AllRows, Random
from hgl.search.regret import Truth, replay
from hgl.search.trial import Ladder, Rung, Trial
from tests.search.landscape import FULL, Landscape
from tests.search.published import space

MODELS = space("user-repeat")


def table(val: np.ndarray, test: np.ndarray, runs: int = 3, budgets: tuple[float, ...] = (5, 214)):
    def score(trial: Trial) -> float | None:
        found = float(val[MODELS.index(trial.model)])
        return None if np.isnan(found) else found

    methods = {"random": lambda run: Random(MODELS, ladder=FULL, seed=run)}
    return replay(methods, FULL, score, lambda p: float(test[p]), budgets=list(budgets), runs=runs)


AUC = np.linspace(0.5, 0.9, MODELS.count)
MAE = np.linspace(4.0, 3.0, MODELS.count)


@pytest.mark.parametrize(("val", "test"), [(AUC, AUC), (-MAE, -MAE)], ids=["auc", "mae"])
def test_all_of_the_space_leaves_no_regret(val: np.ndarray, test: np.ndarray) -> None:
    frame = table(val, test)
    whole = frame[frame.budget == 214]
    assert (whole.chosen == MODELS.count - 1).all()
    assert (whole.val_regret == 0).all()
    assert (whole.test_regret == 0).all()
    some = frame[frame.budget == 5]
    assert some.val_regret.between(0, 1).all()
    assert (some.val_regret > 0).any()
    chosen = some.chosen.to_numpy(int)
    assert some.val_regret.to_numpy() == pytest.approx(1 - chosen / (MODELS.count - 1))


def test_the_choice_is_by_validation_alone() -> None:
    frame = table(AUC, AUC[::-1])
    whole = frame[frame.budget == 214]
    assert (whole.val_regret == 0).all()
    assert (whole.test_regret == 1).all()


def test_columns_and_prefixes() -> None:
    frame = table(AUC, AUC, budgets=(3, 5, 8))
    assert list(frame) == [
        *("method", "run", "budget", "spent", "chosen", "val_regret", "test_regret"),
    ]
    assert (frame.spent == frame.budget).all()
    alone = table(AUC, AUC, budgets=(5,))
    assert frame[frame.budget == 5].reset_index(drop=True).equals(alone)
    for _, run in frame.groupby("run"):
        assert run.val_regret.is_monotonic_decreasing


def test_failed_models_are_no_best_and_no_worst() -> None:
    val = AUC.copy()
    val[[0, 213]] = np.nan
    whole = table(val, AUC, runs=1, budgets=(214,))
    assert whole.chosen.tolist() == [212]
    assert whole.val_regret.tolist() == [0]


def test_where_every_trial_fails_nothing_is_chosen() -> None:
    val = AUC.copy()
    val[MODELS.index(MODELS.all_rows)] = np.nan

    def score(trial: Trial) -> float | None:
        found = float(val[MODELS.index(trial.model)])
        return None if np.isnan(found) else found

    methods = {"all rows": lambda run: AllRows(MODELS, ladder=FULL, seed=run)}
    frame = replay(methods, FULL, score, lambda p: AUC[p], budgets=[2], runs=1)
    assert frame.chosen.isna().all()
    assert frame[["val_regret", "test_regret"]].to_numpy().tolist() == [[1, 1]]


def test_what_is_chosen_at_a_low_rung_is_judged_at_the_full_one() -> None:
    ladder = Ladder((Rung(1), Rung(10)))
    methods = {"random": lambda run: _Cheap(MODELS, ladder=ladder, seed=run)}

    def score(trial: Trial) -> float:
        position = MODELS.index(trial.model)
        return float(AUC[position] if trial.rung else AUC[-1 - position])

    frame = replay(methods, ladder, score, lambda p: AUC[p], budgets=[21.4], runs=1)
    assert frame.spent.tolist() == [pytest.approx(21.4)]
    assert frame.chosen.tolist() == [0]
    assert frame.val_regret.tolist() == [1]


class _Cheap(Random):
    """All of the space at the lowest rung."""

    def rounds(self):  # type: ignore[no-untyped-def]
        yield from self.ask(self.space, 0)


def test_intervals() -> None:
    mean, low, high, runs = interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (mean, runs) == (2.5, 4)
    assert low < 2.5 < high
    assert interval(np.full(5, 0.3)) == pytest.approx((0.3, 0.3, 0.3, 5))
    drawn = np.random.default_rng(1).normal(size=400)
    _, low, high, _ = interval(drawn)
    assert high - low == pytest.approx(2 * 1.96 * drawn.std() / 20, rel=0.1)


def test_summary_and_paired_differences() -> None:
    land = Landscape(MODELS)
    methods = {
        "random": lambda run: Random(MODELS, ladder=FULL, seed=run),
        "rows": lambda run: AllRows(MODELS, ladder=FULL, seed=run),
    }
    frame = replay(methods, FULL, land.score, land.test_at, budgets=[2, 20], runs=20)
    means = summarise(frame).set_index(["method", "budget"])
    assert list(means) == ["mean", "low", "high", "runs"]
    assert (means.loc["rows"].high == means.loc["rows"].low).all()
    assert (means.low <= means["mean"]).all()
    assert means.loc[("random", 20), "mean"] < means.loc[("random", 2), "mean"]
    excess = compare(frame, "random").set_index(["other", "budget"])
    expected = means.loc[("rows", 20), "mean"] - means.loc[("random", 20), "mean"]
    assert excess.loc[("rows", 20), "mean"] == pytest.approx(expected)
    assert len(excess) == 2


def test_errors() -> None:
    with pytest.raises(ConfigError, match="method='greedy': expected one of random"):
        compare(table(AUC, AUC), "greedy")
    with pytest.raises(ConfigError, match=r"budgets=.*budgets above 0"):
        table(AUC, AUC, budgets=(0, 3))
    with pytest.raises(ConfigError, match="runs=0"):
        table(AUC, AUC, runs=0)
    with pytest.raises(ConfigError, match="val: expected two different scores"):
        Truth(np.ones(4), np.arange(4.0))
