"""Scores of predictions, by kind of target; scikit-learn does the work.

Predictions are probabilities (binary [n], multiclass [n, classes], multilabel [n, labels]), values
(regression [n]), or rows, best first (recommendation [n, k], -1 for none). A score that the data
leaves undefined, such as an AUROC of a split with one class, is nan: reported, never a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as skm

from hgl.errors import TaskError
from hgl.tasks import ranking
from hgl.tasks.lists import Lists


@dataclass(frozen=True)
class Answer:
    """What is scored.

    Attributes:
        target: [n], or [n, labels] for multilabel; lists of rows for recommendation.
        prediction: [n], [n, classes], [n, labels] or [n, k].
        time: [n] seed times in seconds, or None.
        train_std: standard deviation (ddof 1) of the train target, or None.
    """

    target: Any
    prediction: np.ndarray
    time: np.ndarray | None = None
    train_std: float | None = None


@dataclass(frozen=True)
class Metric:
    """One score.

    Attributes:
        scores: kind of target to function.
        needs: field of `Answer` without which the score is left out.
    """

    higher_is_better: bool
    scores: Mapping[str, Callable[[Answer], float]]
    needs: str = "target"

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: what a score is multiplied by to be compared."""
        return 1 if self.higher_is_better else -1


def _roc_auc(target: np.ndarray, prediction: np.ndarray) -> float:
    """Mann and Whitney's statistic; scikit-learn's takes twenty times as long on a thousand rows,
    and a bootstrap asks thousands of times.
    """
    positive = target > 0
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return float("nan")
    least = positive.sum() * (positive.sum() + 1) / 2
    return float((rankdata(prediction)[positive].sum() - least) / pairs)


def _roc_auc_per_timestamp(a: Answer) -> float:
    """Mean AUROC within the seed times that have both classes: drift does not count."""
    assert a.time is not None
    scores = [_roc_auc(a.target[a.time == t], a.prediction[a.time == t]) for t in np.unique(a.time)]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _average_precision(a: Answer) -> float:
    if not a.target.any():
        return float("nan")
    return float(skm.average_precision_score(a.target, a.prediction))


def _f1(average: str) -> Callable[[Answer], float]:
    def score(a: Answer) -> float:
        chosen = a.prediction >= 0.5
        return float(skm.f1_score(a.target, chosen, average=average, zero_division=np.nan))

    return score


def _class_f1(a: Answer) -> float:
    chosen = a.prediction.argmax(axis=1)
    return float(skm.f1_score(a.target, chosen, average="macro", zero_division=np.nan))


def _log_loss(a: Answer) -> float:
    labels = [0, 1] if a.prediction.ndim == 1 else list(range(a.prediction.shape[1]))
    return float(skm.log_loss(a.target, a.prediction, labels=labels))


def _r2(a: Answer) -> float:
    if np.ptp(a.target) == 0:
        return float("nan")
    return float(skm.r2_score(a.target, a.prediction))


def _macro_roc_auc(a: Answer) -> float:
    scores = [_roc_auc(a.target[:, j], a.prediction[:, j]) for j in range(a.target.shape[1])]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _mae(a: Answer) -> float:
    return float(np.abs(a.target - a.prediction).mean())


def _nmae(a: Answer) -> float:
    assert a.train_std is not None
    return _mae(a) / a.train_std if a.train_std > 0 else float("nan")


def _ranking(score: Callable[[Lists, np.ndarray], float]) -> Metric:
    return Metric(True, {"recommendation": lambda a: score(a.target, a.prediction)})


KINDS = ("binary", "multiclass", "multilabel", "regression", "recommendation")
DEFAULT_METRIC: Mapping[str, str] = {
    "binary": "roc_auc",
    "multiclass": "accuracy",
    "multilabel": "macro_roc_auc",
    "regression": "mae",
    "recommendation": "map",
}
METRICS: Mapping[str, Metric] = {
    "roc_auc": Metric(True, {"binary": lambda a: _roc_auc(a.target, a.prediction)}),
    "average_precision": Metric(True, {"binary": _average_precision}),
    "accuracy": Metric(
        True,
        {
            "binary": lambda a: float(((a.prediction >= 0.5) == a.target).mean()),
            "multiclass": lambda a: float((a.prediction.argmax(axis=1) == a.target).mean()),
        },
    ),
    "f1": Metric(True, {"binary": _f1("binary")}),
    "macro_f1": Metric(True, {"multiclass": _class_f1, "multilabel": _f1("macro")}),
    "micro_f1": Metric(True, {"multilabel": _f1("micro")}),
    "log_loss": Metric(False, {"binary": _log_loss, "multiclass": _log_loss}),
    "roc_auc_per_timestamp": Metric(True, {"binary": _roc_auc_per_timestamp}, needs="time"),
    "macro_roc_auc": Metric(True, {"multilabel": _macro_roc_auc}),
    "micro_roc_auc": Metric(
        True, {"multilabel": lambda a: _roc_auc(a.target.ravel(), a.prediction.ravel())}
    ),
    "mae": Metric(False, {"regression": _mae}),
    "rmse": Metric(
        False, {"regression": lambda a: float(np.sqrt(((a.target - a.prediction) ** 2).mean()))}
    ),
    "r2": Metric(True, {"regression": _r2}),
    "nmae": Metric(False, {"regression": _nmae}, needs="train_std"),
    **{name: _ranking(score) for name, score in ranking.SCORES.items()},
}


def metrics_of(kind: str) -> list[str]:
    """Return the names of the scores defined for targets of `kind`."""
    return [name for name, metric in METRICS.items() if kind in metric.scores]


def evaluate(
    kind: str,
    target: np.ndarray | Lists,
    prediction: np.ndarray,
    *,
    time: np.ndarray | None = None,
    train_std: float | None = None,
) -> dict[str, float]:
    """Score `prediction` against `target`.

    Args:
        kind: `binary`, `multiclass`, `multilabel`, `regression` or `recommendation`.
        target: [n] floats, codes for multiclass, [n, labels] zeros and ones, or lists of rows.
        prediction: see the module's docstring.
        time: [n] seed times; gives the per-timestamp AUROC beside the pooled one.
        train_std: gives `nmae`, RelBench's MAE divided by this.

    Returns: name of the score to its value, nan where undefined (all of them when n is 0).

    Raises: TaskError: shapes differ, or a prediction is not finite.
    """
    known = target if isinstance(target, Lists) else np.asarray(target)
    answer = Answer(known, np.asarray(prediction), time, train_std)
    _check(kind, answer)
    wanted = [name for name in metrics_of(kind) if getattr(answer, METRICS[name].needs) is not None]
    if len(answer.target) == 0:
        return dict.fromkeys(wanted, float("nan"))
    return {name: float(METRICS[name].scores[kind](answer)) for name in wanted}


def _check(kind: str, a: Answer) -> None:
    if kind not in KINDS:
        raise TaskError(f"kind={kind!r}: expected one of {', '.join(KINDS)}")
    wide = ("multiclass", "recommendation")
    dims = 2 if kind in (*wide, "multilabel") else 1
    same = kind in wide or a.prediction.shape == a.target.shape
    if a.prediction.ndim != dims or len(a.prediction) != len(a.target) or not same:
        raise TaskError(
            f"prediction has shape {a.prediction.shape}; a {kind} target of "
            f"{len(a.target)} rows needs {dims} dimension(s) and as many rows"
        )
    wrong = int((~np.isfinite(a.prediction)).sum())
    if wrong:
        raise TaskError(f"prediction: {wrong} of {a.prediction.size} values are not finite")
