"""How long an answer takes, fetch included: a teacher of its subgraph, a student of its columns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from hgl.aggregates.live.features import LiveFeatures
from hgl.db.database import Database
from hgl.export.onnx_scorer import OnnxScorer
from hgl.tasks.seeds import SeedTable
from hgl.train.prepared import TrainedRun
from hgl.train.run import Experiment

BATCHES = (1, 512)
"""Seeds asked about at once."""
_ASKED = {1: 200, 512: 8}
"""How often, for each of them."""


@dataclass(frozen=True)
class Times:
    """Milliseconds of answers.

    Attributes:
        whole: with the fetch of the data, one per answer.
        model: without.
    """

    whole: np.ndarray
    model: np.ndarray

    def row(self) -> dict[str, float]:
        """Median and 99th percentile of each."""
        return {
            f"{name}_p{q}": round(float(np.quantile(values, q / 100)), 4)
            for name, values in (("whole", self.whole), ("model", self.model))
            for q in (50, 99)
        }


@dataclass(frozen=True)
class Speed:
    """Times of teacher and student by batch size."""

    teacher: Mapping[int, Times]
    student: Mapping[int, Times]

    @property
    def rows(self) -> list[dict[str, object]]:
        """One row per predictor and batch size, in milliseconds."""
        return [
            {"predictor": name, "batch": size, **times.row()}
            for name, by_size in (("teacher", self.teacher), ("student", self.student))
            for size, times in by_size.items()
        ]

    def lines(self) -> Iterator[str]:
        """A table for people."""
        yield "\nMilliseconds per answer (teacher: its graph in memory; student: one SQL query):\n"
        yield "| predictor | batch | with fetch p50 | p99 | model alone p50 | p99 |"
        yield "|-|-|-|-|-|-|"
        for row in self.rows:
            yield "| " + " | ".join(str(value) for value in row.values()) + " |"
        one = (self.teacher[1], self.student[1])
        ratios = [np.median(getattr(one[0], n)) / np.median(getattr(one[1], n)) for n in _PARTS]
        yield f"\nOne seed: {ratios[0]:.0f}x faster with fetch, {ratios[1]:.0f}x model alone."


_PARTS = ("whole", "model")


def measure(
    experiment: Experiment,
    run: TrainedRun,
    seeds: SeedTable,
    features: LiveFeatures,
    scorer: OnnxScorer,
) -> Speed:
    """Ask both about the same seeds, drawn at random.

    Args:
        seeds: to draw from.
        features: where the student's columns come from.
    """
    random = np.random.default_rng(0)
    teacher, student = {}, {}
    for size in BATCHES:
        picked = random.integers(len(seeds), size=size * _ASKED[size])
        asked = replace(seeds, entity=seeds.entity[picked], time=seeds.time[picked], target=None)
        teacher[size] = _teacher(experiment, run, asked, size)
        student[size] = _student(experiment.db, asked, features, scorer, size)
    return Speed(teacher, student)


def _teacher(experiment: Experiment, run: TrainedRun, seeds: SeedTable, size: int) -> Times:
    sampling = replace(experiment.sampling, batch_size=size)
    loader = replace(experiment, sampling=sampling).loader(run, seeds)
    loader.workers = 0
    run.model.eval()
    batches = iter(loader)
    whole, model = [], []
    with torch.no_grad():
        for _ in range(len(loader)):
            start = time.perf_counter()
            batch = next(batches)
            fetched = time.perf_counter()
            run.model(batch)
            end = time.perf_counter()
            whole.append(end - start)
            model.append(end - fetched)
    return Times(1e3 * np.array(whole), 1e3 * np.array(model))


def _student(
    db: Database, seeds: SeedTable, features: LiveFeatures, scorer: OnnxScorer, size: int
) -> Times:
    table = db.schema.table(seeds.task.entity_table)
    frame = db.frame(table.name, list(table.pkey))
    keys = frame.iloc[seeds.entity].to_dict("records")
    whole, model = [], []
    for start in range(0, len(keys), size):
        part = slice(start, start + size)
        begun = time.perf_counter()
        columns = features.fetch(keys[part], seeds.time[part].tolist())
        fetched = time.perf_counter()
        scorer(columns)
        end = time.perf_counter()
        whole.append(end - begun)
        model.append(end - fetched)
    return Times(1e3 * np.array(whole), 1e3 * np.array(model))
