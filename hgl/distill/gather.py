"""Making the material: columns by DuckDB, the teacher's opinions by forward chaining."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hgl.aggregates.batch import compute
from hgl.aggregates.enumerate import plan_features
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.prune import prune
from hgl.aggregates.table import FeatureTable
from hgl.distill.calibration import temperature
from hgl.distill.loss import DISTILLATIONS
from hgl.distill.material import Material, in_units
from hgl.distill.observe import observe
from hgl.distill.soft_labels import forward_chained, spread_out
from hgl.distill.stale import SeenSeeds, longest_lag, stale
from hgl.distill.tokenizer import fit_tokens
from hgl.errors import check_range
from hgl.tasks import population
from hgl.tasks.seeds import SeedTable
from hgl.train.run import Experiment, Prepared


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
    Raises: ConfigError: a number is out of range.
    """

    stretches: int = 2
    extra: float = 0.5
    most: int = 64
    staleness: int | None = None
    num_codes: int | None = None

    def __post_init__(self) -> None:
        check_range("stretches", self.stretches, 2)
        check_range("extra", self.extra, 0)
        check_range("most", self.most, 1)
        check_range("staleness", self.staleness, 0)
        check_range("num_codes", self.num_codes, 2)


def gather(
    experiment: Experiment, teacher: Path, epochs: int, sources: Sources, *, aside: Path
) -> Material:
    """Make the material of a ladder.

    Args:
        experiment: of the teacher.
        teacher: the folder its run left.
        epochs: that it was trained for, as other teachers are.
        aside: receives the weights of those.
    Raises: HglError: whatever columns, codes or training raise.
    """
    phases = experiment.phases
    prepared = experiment.prepare()
    seeds = {**prepared.seeds, "test": experiment.seeds("test")}
    known = population.known_from(experiment.task, experiment.db)
    train = seeds["train"]
    extra = spread_out(train, known, share=sources.extra, seed=experiment.trainer.seed)
    with phases("columns"):
        tables, copies = _tables(experiment, prepared, seeds, extra, known, sources)
        labelled = copies * len(train)
        plan = _pruned(tables, seeds, labelled, sources.most)
    with phases("teacher"):
        run = experiment.restore(teacher)
        views = {split: observe(experiment, run, part) for split, part in seeds.items()}
    objective = run.objective
    warmth = temperature(objective, views["val"].out, torch.as_tensor(seeds["val"].answers))
    with phases("soft labels"):
        everyone = _joined(train, extra)
        soft = forward_chained(
            experiment, prepared, everyone, stretches=sources.stretches, epochs=epochs, folder=aside
        )
    target = in_units(objective, train.answers)
    with phases("codes"):
        tokens = fit_tokens(
            views["train"].embedding,
            tables["train"].first(len(train)),
            DISTILLATIONS[objective.kind](1.0).task,
            target,
            objective.out_channels,
            num_codes=sources.num_codes,
            seed=experiment.trainer.seed,
        )
        log_codes = tokens.log_probabilities(views["train"].embedding)
    own, further = (soft / warmth).split([len(train), len(extra)])
    return Material(
        objective,
        seeds,
        plan,
        tables,
        labelled,
        torch.cat([target] * copies + [target.new_full((len(extra), *target.shape[1:]), np.nan)]),
        torch.cat([own] * copies + [further]),
        torch.cat(
            [log_codes] * copies + [log_codes.new_full((len(extra), log_codes.shape[1]), np.nan)]
        ),
        {split: views[split] for split in ("val", "test")},
        tokens,
        warmth,
    )


def _tables(
    experiment: Experiment,
    prepared: Prepared,
    seeds: dict[str, SeedTable],
    extra: SeedTable,
    known: np.ndarray,
    sources: Sources,
) -> tuple[dict[str, FeatureTable], int]:
    """All columns of every split, and how many rows of `train` each labelled seed has."""
    train, plan = seeds["train"], plan_features(experiment.db, prepared.statistics, seeds["train"])
    staleness = sources.staleness
    if staleness is None:
        staleness = max(experiment.sampling.staleness or 0, longest_lag(seeds["val"]))
    asked = {name: SeenSeeds.of(part) for name, part in seeds.items()}
    if staleness:
        lagging = stale(train, known, staleness=staleness, seed=experiment.trainer.seed)
        asked["train"] = SeenSeeds.join([asked["train"], lagging])
    copies = len(asked["train"]) // len(train)
    asked["train"] = SeenSeeds.join([asked["train"], SeenSeeds.of(extra)])
    # At once: DuckDB sorts each table's rows once, however many seeds ask.
    table = compute(experiment.db, plan, SeenSeeds.join([*asked.values()]))
    return dict(zip(asked, table.split([len(part) for part in asked.values()]))), copies


def _pruned(
    tables: dict[str, FeatureTable], seeds: dict[str, SeedTable], labelled: int, most: int
) -> FeaturePlan:
    train, val = seeds["train"], seeds["val"]
    answers = np.concatenate([train.answers] * (labelled // len(train)))
    rows = tables["train"].first(labelled)
    return prune(rows, answers, tables["val"], val.answers, train.task.kind, most=most)


def _joined(train: SeedTable, extra: SeedTable) -> SeedTable:
    entity, time = (
        np.concatenate([getattr(part, name) for part in (train, extra)])
        for name in ("entity", "time")
    )
    return replace(train, entity=entity, time=time, target=None)
