"""The best model comes first, judged by its highest rung; failures come last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hgl.errors import ConfigError
from hgl.search.report import HeldOut, Result, Scored
from hgl.search.report.leaderboard import leaderboard
from tests.search.published import space
from tests.search.report.made import LADDER, keys_help, searched


@pytest.mark.parametrize("metric", ["roc_auc", "mae"])
def test_best_first_within_each_rung(metric: str) -> None:
    sign = -1 if metric == "mae" else 1
    result = searched(metric=metric, truth=lambda model: sign * keys_help(model))
    board = leaderboard(result)
    assert len(board) == len({trial.model for trial in result.scored})
    assert board["bits"][0] == result.winner.to_bits()
    scored = board[board["rank"].notna()]
    assert scored["rank"].tolist() == list(range(1, len(scored) + 1))
    assert scored["epochs"].is_monotonic_decreasing
    assert (scored["validation"] > 0.4).all()
    for _, rows in scored.groupby("epochs"):
        assert (sign * rows["validation"]).is_monotonic_decreasing


def test_a_row_says_what_the_trial_was() -> None:
    result = searched()
    row = leaderboard(result).iloc[0]
    trial = result.judged(result.winner)
    default = result.judged(result.default)
    assert trial is not None
    assert default is not None
    assert row["std"] == pytest.approx(np.std(trial.by_seed, ddof=1))
    assert row["over_default"] == pytest.approx(trial.score - default.score)
    assert (row["epochs"], row["seeds"], row["seconds"]) == (10, 3, 1.5)
    roles = result.winner.roles
    for column, role in (("rows", "node"), ("edges", "edge"), ("left_out", "out")):
        assert row[column] == ", ".join(t for t, found in roles.items() if found == role)
    assert row["keys"].split(", ") == [f"{table}.{fkey}" for table, fkey in result.winner.fkeys]


def test_gains_compare_within_a_rung() -> None:
    result = searched()
    alone = tuple(t for t in result.scored if (t.model, t.rung) != (result.default, 1))
    winner = next(t.model for t in alone if t.rung == 1)
    board = leaderboard(replace(result, scored=alone, winner=winner))
    scored = board[board["rank"].notna()]
    assert scored["over_default"].isna().equals(scored["epochs"] == 10)


def test_failures_come_last_with_their_error() -> None:
    result = searched()
    failed = [trial for trial in result.scored if trial.score is None]
    board = leaderboard(result)
    assert failed
    last = board.tail(len(failed))
    assert last["rank"].isna().all()
    assert last["validation"].isna().all()
    assert set(last["error"]) == {"TrainingError: loss is nan at step 3"}


def test_a_model_that_fails_higher_up_has_failed() -> None:
    result = searched()
    lower = next(t for t in result.scored if t.rung == 0 and result.judged(t.model) == t)
    secret = "no answer from postgresql://me:secret@host/db"
    higher = Scored(lower.model, 1, None, (), 99.0, error=secret)
    board = leaderboard(replace(result, scored=(*result.scored, higher))).set_index("bits")
    row = board.loc[lower.model.to_bits()]
    assert np.isnan(row["validation"])
    assert row["error"] == "no answer from postgresql://me:***@host/db"


def test_results_that_contradict_themselves() -> None:
    model = space("driver-top3")[5]
    with pytest.raises(ConfigError, match="score=nan: expected a number"):
        Scored(model, 0, float("nan"), (), 1.0)
    with pytest.raises(ConfigError, match="expected the mean of by_seed"):
        Scored(model, 0, -3.9, (3.8, 4.0), 1.0)
    trial = Scored(model, 0, 0.7, (0.6, 0.8, float("nan")), 1.0)
    with pytest.raises(ConfigError, match="metric='auc': expected one of roc_auc"):
        Result((trial,), LADDER, "auc", model, None)
    with pytest.raises(ConfigError, match="expected one with a score"):
        Result((trial,), LADDER, "roc_auc", space("driver-top3")[6], None)
    with pytest.raises(ConfigError, match="rung=2: expected 0 to 1"):
        Result((replace(trial, rung=2),), LADDER, "roc_auc", model, None)
    with pytest.raises(ConfigError, match="expected at least one"):
        HeldOut(())
    with pytest.raises(ConfigError, match="2 test scores of the default: expected 1"):
        HeldOut((0.7,), (0.6, 0.8))
