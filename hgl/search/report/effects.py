"""Which tables and keys help: main effects over the models a search tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hgl.search.encoding import Link
from hgl.search.model import GraphModel
from hgl.search.report.fit import Estimate, Fit
from hgl.search.report.result import Result

ENOUGH = 3
"""Models per coefficient from which a rung's scores are fitted."""
_COLUMNS = ("what", "choice", "effect", "low", "high", "num_models", "num_others", "verdict")


def effects(result: Result) -> pd.DataFrame:
    """Return what each choice does to the validation score, all others of its kind held fixed.

    Two additive fits by least squares: one of the tables' roles, one of the keys kept and tables
    drawn as edges. Choices that no model of the space has are left out. Scores are of one rung, see
    `effects_rung`; the search chose the models, so effects are hints and not an experiment.
    Returns: `what` (a table or `table.key`), `choice` (such as `rows, not out`), `effect` (above 0
        is better, in units of the metric) with its 95 % interval `low`, `high` (nan where models do
        not tell), `num_models` that made the choice, `num_others` that made the other one,
        `verdict`: `helps`, `hurts`, `undecided` (the interval holds 0) or `not identifiable`.
    """
    rung = effects_rung(result)
    scores = {t.model: t.score for t in result.scored if t.rung == rung and t.score is not None}
    models, answer = list(scores), np.array(list(scores.values()))
    rows = [*_table_rows(models, answer), *_key_rows(models, answer)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def effects_rung(result: Result) -> int:
    """Return the highest rung with enough models, or that with the most.

    Few models reach a high rung, and only good ones: a lower one then says more.
    """
    counts = np.bincount(
        [trial.rung for trial in result.scored if trial.score is not None],
        minlength=len(result.ladder.rungs),
    )
    enough = np.flatnonzero(counts >= ENOUGH * (1 + len(_links(result.winner))))
    if len(enough):
        return int(enough[-1])
    return int(np.flatnonzero(counts == counts.max())[-1])


def _links(model: GraphModel) -> list[Link]:
    """What some model of the space draws."""
    reach = model.reach
    return [link for link in reach.encoding.links if link.bit & reach.everything]


def _key_rows(models: Sequence[GraphModel], answer: np.ndarray) -> Iterator[dict[str, Any]]:
    links = _links(models[0])
    drawn = np.array([[bool(m.mask & link.bit) for link in links] for m in models])
    fit = Fit(_with_constant(drawn), answer)
    for position, link in enumerate(links):
        if link.fkey is not None:
            weights = np.eye(1 + len(links))[1 + position]
            kept = int(drawn[:, position].sum())
            counts = kept, len(models) - kept
            yield _row(str(link), "kept, not dropped", fit.estimate(weights), *counts)


def _table_rows(models: Sequence[GraphModel], answer: np.ndarray) -> Iterator[dict[str, Any]]:
    reach, links = models[0].reach, _links(models[0])
    touched = sorted({end for x in links for end in x.ends} | {x.table for x in links})
    tables = [table for table in touched if table != reach.entity_table]
    roles = [model.roles for model in models]
    columns = [(table, "node") for table in tables]
    columns += [(link.table, "edge") for link in links if link.fkey is None]
    made = np.array([[role[table] == found for table, found in columns] for role in roles])
    fit = Fit(_with_constant(made), answer)
    unit = dict(zip(columns, np.eye(1 + len(columns))[1:]))
    count = dict(zip(columns, made.sum(axis=0).tolist()))
    for table in tables:
        rows, edges = (table, "node"), (table, "edge")
        out = len(models) - count[rows] - count.get(edges, 0)
        yield _row(table, "rows, not out", fit.estimate(unit[rows]), count[rows], out)
        if edges in unit:
            estimate = fit.estimate(unit[edges])
            yield _row(table, "edges, not out", estimate, count[edges], out)
            estimate = fit.estimate(unit[edges] - unit[rows])
            yield _row(table, "edges, not rows", estimate, count[edges], count[rows])


def _with_constant(choices: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(choices)), choices])


def _row(what: str, choice: str, estimate: Estimate, models: int, others: int) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (what, choice, *estimate, models, others, _verdict(estimate))))


def _verdict(estimate: Estimate) -> str:
    effect, low, high = estimate
    if np.isnan(effect):
        return "not identifiable"
    if low > 0:
        return "helps"
    return "hurts" if high < 0 else "undecided"
