"""What the stored models of a report say of their predictions."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from hgl.commands.folder import StoredRun
from hgl.db.progress import NoProgress
from hgl.errors import CacheError, HglError
from hgl.explain import background
from hgl.explain.shares import Shares, column_shares, relation_shares
from hgl.models.relational import RelationalModel
from hgl.report.page.explanation import Explanation
from hgl.report.page.gap import Gap
from hgl.report.page.group import Group
from hgl.results.record import Record
from hgl.train.run import Experiment
from hgl.train.watcher import Silent

_SEEDS = 64
"""Questions that are explained."""
_COLUMNS = (
    "columns",
    "Share of all attributions (integrated gradients), wherever the column was met.",
)
_RELATIONS = (
    "relations",
    "Weights that the network gives to what reaches an entity, the mean over questions.",
)


def explain_group(group: Group) -> tuple[list[Explanation], list[Gap]]:
    """Explain one run per model, the best on validation, and say what cannot be explained."""
    found, gaps = [], []
    for record in _chosen(group):
        try:
            for (title, about), shares in _shares(record):
                bars = tuple(shares)
                found.append(Explanation(group.key, record.model, record.seed, title, about, bars))
        except HglError as error:
            gaps.append(Gap(f"explanation of {record.model} ({record.id})", str(error)))
    return found, gaps


def _chosen(group: Group) -> list[Record]:
    best: dict[str, Record] = {}
    for record in group.records:
        if record.done and record.folder is not None:
            other = best.setdefault(record.model, record)
            best[record.model] = max(other, record, key=_goodness)
    return list(best.values())


def _goodness(record: Record) -> float:
    score = record.score("val") * (1 if record.higher_is_better else -1)
    return score if math.isfinite(score) else -math.inf


def _shares(record: Record) -> list[tuple[tuple[str, str], Shares]]:
    """Raises: HglError: the model is not restored, or is none that can be explained."""
    assert record.folder is not None
    stored = StoredRun.read(str(record.folder))
    place = Path(stored.database["folder"])
    if not place.is_dir():
        raise CacheError("its data is gone")
    database = stored.open(str(place), NoProgress())
    if database.fingerprint != stored.database["fingerprint"]:
        raise CacheError("its data has changed")
    experiment = stored.experiment(database, Silent(), trust=False)
    if not isinstance(experiment, Experiment):
        raise CacheError("it is no graph network")
    sampling = dataclasses.replace(experiment.sampling, batch_size=_SEEDS, staleness=None)
    experiment = dataclasses.replace(experiment, sampling=sampling)
    run = experiment.restore(stored.folder)
    model = run.model
    if not isinstance(model, RelationalModel):
        raise CacheError("it is no network on sampled rows")
    seeds = experiment.seeds("val")
    batch = next(iter(experiment.loader(run, seeds, shuffle=True)))
    batch = batch.to(str(next(model.parameters()).device))
    drawn = background(run.graph, run.features, until=seeds.stats_until)
    told = [(_COLUMNS, column_shares(model, batch, drawn))]
    relations = relation_shares(model, batch)
    return told if relations is None else [*told, (_RELATIONS, relations)]
