"""A planted column that is the answer: worthless at honest times, and what it is worth if leaked.

Trees learn from the compiled columns of training seeds and are scored on validation: as the
database is; with the answers as one more table, whose rows become known a second after the last
seed; and with the same rows known as early as each seed looks. Test is not read.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hgl.aggregates.batch import compute, limits
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.plan import FeaturePlan
from hgl.audit.case import Case
from hgl.db.add_table import add_table
from hgl.db.cache import cached_in
from hgl.db.clock import free_name
from hgl.db.database import Database
from hgl.db.schema import Column, ForeignKey, TableSchema
from hgl.features.statistics import TableStatistics
from hgl.results.finding import Finding
from hgl.tasks.metrics import METRICS, evaluate
from hgl.tasks.seeds import SeedTable

_KINDS = ("binary", "multiclass", "regression")
_TRAIN, _VAL, _COLUMNS = 2000, 1000, 40
_ROW, _ENTITY, _KNOWN, _ANSWER = "_row", "entity_row", "known_at", "answer"


@dataclass(frozen=True)
class Worth:
    """Scores on validation.

    Attributes:
        without: of the columns that there are.
        honest: with the planted one at honest times.
        leaked: with the planted one, known when its seed looks.
    """

    metric: str
    without: float
    honest: float
    leaked: float

    def findings(self) -> Iterator[Finding]:
        """Yield what the planted column was worth: a leak where it was any at honest times."""
        told = (
            f"validation {self.metric} is {self.without:.4f} without a column that is the answer, "
            f"{self.honest:.4f} with it at honest times, and would be {self.leaked:.4f} had it "
            "leaked (boosted trees on aggregates, policy rolling)"
        )
        gains = self.honest != self.without
        yield Finding(
            check="planted column",
            severity="leak" if gains else "note",
            place=_ANSWER if gains else "task",
            evidence=told,
            remedy="aggregates read rows later than the seed: find which"
            if gains
            else f"a score near {self.leaked:.4f} is what a leak looks like",
        )


def planted(case: Case, statistics: Mapping[str, TableStatistics]) -> Worth | None:
    """Plant the answers of a task, and score trees that may read them.

    Args:
        statistics: of every table, without what the task hides.
    Returns: None for kinds of tasks whose answer is no number and no class.
    """
    if case.task.kind not in _KINDS:
        return None
    asked = [
        _some(case.task.seeds(case.db, split, policy="rolling", cut=case.cut), most)
        for split, most in (("train", _TRAIN), ("val", _VAL))
    ]
    plan = plan_features(case.db, statistics, asked[0], depth=1, most=_COLUMNS)
    plan = plan.keep([f.name for f in plan.numerical])
    end = np.full(sum(map(len, asked)), max(int(s.time.max()) for s in asked) + 1)
    early = np.concatenate([limits(seeds) for seeds in asked])
    scores = [_score(case.db, plan, *asked)]
    for known in (end, early):
        with tempfile.TemporaryDirectory() as folder, cached_in(Path(folder, "cache")):
            scores.append(_score(*_plant(case.db, plan, asked, known, Path(folder)), *asked))
    return Worth(case.task.metric, *scores)


def _some(seeds: SeedTable, most: int) -> SeedTable:
    """Seeds evenly chosen, where there are more."""
    rows = np.linspace(0, len(seeds) - 1, min(most, len(seeds))).round().astype(int)
    parts: dict[str, Any] = {n: getattr(seeds, n)[rows] for n in ("entity", "time", "target")}
    return dataclasses.replace(seeds, **parts)


def _plant(
    db: Database, plan: FeaturePlan, asked: list[SeedTable], known: np.ndarray, folder: Path
) -> tuple[Database, FeaturePlan]:
    """Return the database with the answers of some seeds, and the columns with the latest one.

    Args:
        known: [all seeds] int64 seconds at which each answer becomes known.
    """
    order = np.argsort(known, kind="stable")
    stamps = pa.array(known[order], pa.timestamp("s")).cast(pa.timestamp("us"))
    rows = pa.table(
        {
            _ROW: np.arange(len(known)),
            _ENTITY: np.concatenate([seeds.entity for seeds in asked])[order],
            _KNOWN: stamps,
            _ANSWER: np.concatenate([seeds.answers for seeds in asked])[order].astype(np.float64),
        }
    )
    stypes: dict[str, Any] = {_KNOWN: "timestamp", _ANSWER: "numerical"}
    table = TableSchema(
        name=free_name("planted answers", list(db.schema.tables)),
        columns=tuple(
            Column(f.name, str(f.type), stypes.get(f.name, "ignored"), "planted")
            for f in rows.schema
        ),
        row_col=_ROW,
        time_col=_KNOWN,
        fkeys=(ForeignKey("entity", (_ENTITY,), plan.entity_table, (), _ENTITY),),
        num_rows=len(known),
    )
    answer = Feature("last", Source(table.name, ("entity",)), column=_ANSWER)
    with_it = dataclasses.replace(plan, features=(*plan.features, answer))
    return add_table(db, table, rows, folder), with_it


def _score(db: Database, plan: FeaturePlan, train: SeedTable, val: SeedTable) -> float:
    """Fit trees on the columns of training seeds; the metric on validation."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    columns = [compute(db, plan, seeds).numerical for seeds in (train, val)]
    said = np.isfinite(columns[0]).any(axis=0)
    if train.task.kind == "regression":
        model = HistGradientBoostingRegressor(
            loss="absolute_error", early_stopping=False, random_state=0
        )
        found = model.fit(columns[0][:, said], train.answers).predict(columns[1][:, said])
    else:
        trees = HistGradientBoostingClassifier(early_stopping=False, random_state=0)
        trees.fit(columns[0][:, said], train.answers)
        found = _aligned(trees.predict_proba(columns[1][:, said]), trees.classes_, train)
    scores = evaluate(train.task.kind, val.answers, found, time=val.time)
    return scores[train.task.metric if train.task.metric in scores else _default(scores)]


def _aligned(shares: np.ndarray, known: np.ndarray, train: SeedTable) -> np.ndarray:
    """Probabilities as metrics take them: of 1, or of each class of the task."""
    if train.task.kind == "binary":
        return shares[:, list(known).index(1)]
    every = np.zeros((len(shares), len(train.classes)))
    every[:, known.astype(int)] = shares
    return every


def _default(scores: Mapping[str, float]) -> str:
    return next(name for name in METRICS if name in scores)
