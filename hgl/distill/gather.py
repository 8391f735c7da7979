"""Making the material: columns by DuckDB, the teacher's opinions by forward chaining."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.prune import prune
from hgl.aggregates.table import FeatureTable
from hgl.distill.asked_rows import AskedRows
from hgl.distill.calibration import temperature
from hgl.distill.material import Material, in_units
from hgl.distill.observe import observe
from hgl.distill.parent_codes import ParentCodes
from hgl.distill.soft_labels import forward_chained
from hgl.distill.stale import longest_lag
from hgl.distill.tokenizer import Tokens, fit_tokens, told_columns
from hgl.errors import check_range
from hgl.tasks import population
from hgl.train.objective import Objective
from hgl.train.prepared import Prepared, TrainedRun
from hgl.train.run import Experiment


@dataclass(frozen=True)
class Sources:
    """How much students are given.

    Attributes:
        stretches: of training time; each but the first is labelled by a teacher fitted before it.
        extra: further seeds that nobody labelled, as a share of the labelled ones.
        most: columns that pruning keeps at most.
        staleness: longest lag, in seconds, of the database that half of the labelled rows see;
            None: as long as the teacher's, and under the frozen policy at least as validation's.
        num_codes: in the codebook; None: as many as the rows allow, 256 at most.
        parent_codes: also train students that read codes of parents (see
            `hgl.distill.parent_codes`), which takes the teacher a look at those of every row.
    Raises: ConfigError: a number is out of range.
    """

    stretches: int = 2
    extra: float = 0.5
    most: int = 64
    staleness: int | None = None
    num_codes: int | None = None
    parent_codes: bool = False

    def __post_init__(self) -> None:
        check_range("stretches", self.stretches, 2)
        check_range("extra", self.extra, 0)
        check_range("most", self.most, 1)
        check_range("staleness", self.staleness, 0)
        check_range("num_codes", self.num_codes, 2)


def gather(
    experiment: Experiment,
    prepared: Prepared,
    run: TrainedRun,
    epochs: int,
    sources: Sources,
    *,
    aside: Path,
) -> Material:
    """Make the material of a ladder.

    Args:
        experiment: of the teacher.
        prepared: what it read and encoded.
        run: the teacher.
        epochs: that it was trained for, as other teachers are.
        aside: receives the weights of those.
    Raises: HglError: whatever columns, codes or training raise.
    """
    phases = experiment.phases
    rows = _rows(experiment, prepared, sources)
    with phases("columns"):
        plan = plan_features(experiment.db, prepared.statistics, rows.seeds["train"])
        tables = rows.tables(experiment.db, plan)
        plan = _pruned(tables, rows, sources.most)
    with phases("teacher"):
        views = {split: observe(experiment, run, part) for split, part in rows.seeds.items()}
    objective, answers = run.objective, torch.as_tensor(rows.seeds["val"].answers)
    warmth = temperature(objective, views["val"].out, answers)
    with phases("soft labels"):
        soft = forward_chained(
            experiment,
            prepared,
            rows.everyone,
            stretches=sources.stretches,
            epochs=epochs,
            folder=aside,
        )
    target = in_units(objective, rows.seeds["train"].answers)
    with phases("codes"):
        tokens = _tokens(views["train"].embedding, tables["train"], target, objective, sources)
        reader = ParentCodes(experiment, prepared, run, rows, target)
        read = reader.read() if sources.parent_codes else None
    return Material(
        objective=objective,
        seeds=rows.seeds,
        plan=plan,
        tables=tables,
        labelled=rows.labelled,
        target=rows.stacked(target),
        taught=rows.stacked(*(soft / warmth).split([len(target), len(rows.extra)])),
        log_codes=rows.stacked(tokens.log_probabilities(views["train"].embedding)),
        read_codes=read,
        views=views,
        tokens=tokens,
        temperature=warmth,
    )


def _rows(experiment: Experiment, prepared: Prepared, sources: Sources) -> AskedRows:
    seeds = {**prepared.seeds, "test": experiment.seeds("test")}
    staleness = sources.staleness
    if staleness is None:
        staleness = max(experiment.sampling.staleness or 0, longest_lag(seeds["val"]))
    return AskedRows.draw(
        seeds,
        population.known_from(experiment.task, experiment.db),
        extra=sources.extra,
        staleness=staleness,
        seed=experiment.trainer.seed,
    )


def _pruned(tables: dict[str, FeatureTable], rows: AskedRows, most: int) -> FeaturePlan:
    train, val = rows.seeds["train"], rows.seeds["val"]
    answers = np.concatenate([train.answers] * (rows.labelled // len(train)))
    table = tables["train"].first(rows.labelled)
    return prune(table, answers, tables["val"], val.answers, train.task.kind, most=most)


def _tokens(
    embedding: Tensor, table: FeatureTable, target: Tensor, objective: Objective, sources: Sources
) -> Tokens:
    return fit_tokens(
        embedding,
        told_columns(table.first(len(embedding))),
        target,
        objective,
        num_codes=sources.num_codes,
    )
