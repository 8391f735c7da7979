"""The ladder: constant, students, LightGBM on aggregates, teacher, compared on the same seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hgl.distill.bootstrap import Resampled, resample
from hgl.distill.calibration import temperature
from hgl.distill.cascade import Cascade, choose_cascade
from hgl.distill.material import Material
from hgl.distill.rung import BOOSTED, CODED, CONSTANT, PLAIN, READ, TAUGHT, TEACHER, Rung
from hgl.distill.student import Student, StudentSettings, train_student, weights_of
from hgl.errors import MissingExtra
from hgl.tasks.baselines import constant
from hgl.tasks.boosting import boosted
from hgl.train.watcher import Watcher

SHARED: Mapping[str, Any] = {"feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1}
"""What makes LightGBM differ from seed to seed."""


@dataclass(frozen=True)
class Ladder:
    """What came out.

    Attributes:
        predictions: split (`val`, `test`) to predictor to one array of predictions per seed.
        students: by rung, one per seed.
        chosen: the rung that ships: its parts earned their place on validation.
        missing: why a predictor is not there.
    """

    material: Material
    predictions: Mapping[str, Mapping[str, list[np.ndarray]]]
    students: Mapping[str, list[Student]]
    chosen: Rung
    validation: Resampled
    missing: tuple[str, ...] = ()

    def warmth(self, student: Student) -> float:
        """Return what to divide a student's outputs by; see `calibration.temperature`."""
        answers = torch.as_tensor(self.material.seeds["val"].answers)
        return temperature(
            self.material.objective, torch.as_tensor(student.outputs["val"]), answers
        )

    def sure(self, student: Student, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a student's and the teacher's predictions, each as sure as it is right."""
        material = self.material
        own = torch.as_tensor(student.outputs[split]) / self.warmth(student)
        told = material.views[split].out / material.temperature
        return material.objective.predict(own), material.objective.predict(told)

    def cascade(self, student: Student) -> Cascade | None:
        """Return when to ask the teacher instead, chosen on validation."""
        return choose_cascade(self.material.seeds["val"], *self.sure(student, "val"))

    def best(self, rung: Rung) -> int:
        """Return which of a rung's students is the best on validation."""
        students = self.students[rung.name]
        return max(range(len(students)), key=lambda i: students[i].sign * students[i].score)

    @property
    def student(self) -> Student:
        """The one that ships: of the chosen rung, the best on validation."""
        return self.students[self.chosen.name][self.best(self.chosen)]

    def test(self) -> Resampled:
        """Score everything on test; the only look at its labels."""
        return resample(self.material.seeds["test"], self.predictions["test"])


def climb(
    material: Material,
    settings: StudentSettings,
    *,
    seeds: int,
    folder: Path,
    watcher: Watcher,
) -> Ladder:
    """Train every rung's student with several seeds, and LightGBM; choose on validation.

    Args:
        seeds: trainings of each student.
        folder: of the distillation; receives the students' weights. Those that it holds are not
            trained again.
    """
    students: dict[str, list[Student]] = {}
    for rung in material.rungs:
        watcher.start(f"student {rung.name}", seeds)
        students[rung.name] = []
        for seed in range(seeds):
            home = weights_of(folder, rung.name, seed).parent
            students[rung.name].append(_student(material, rung, settings, seed, home))
            watcher.step(None)
    others, missing = _others(material, seeds)
    splits = {
        split: {
            CONSTANT: others[CONSTANT][split],
            **{name: [s.predictions[split] for s in each] for name, each in students.items()},
            **{name: found[split] for name, found in others.items() if name != CONSTANT},
        }
        for split in ("val", "test")
    }
    validation = resample(material.seeds["val"], splits["val"])
    chosen = choose(validation)
    return Ladder(material, splits, students, chosen, validation, missing)


def choose(validation: Resampled) -> Rung:
    """Return the rung that ships: a part whose gain may be none stays off."""
    chosen = PLAIN
    for rung, over in ((TAUGHT, {PLAIN}), (CODED, {TAUGHT}), (READ, {TAUGHT, CODED})):
        there = chosen in over and rung.name in validation.scores
        if there and validation.gain(rung.name, chosen.name).above_zero:
            chosen = rung
    return chosen


def _student(
    material: Material, rung: Rung, settings: StudentSettings, seed: int, home: Path
) -> Student:
    return train_student(
        material.columns(rung),
        material.lessons(rung, "train"),
        {split: material.lessons(rung, split) for split in ("val", "test")},
        material.seeds["val"].answers,
        material.objective,
        settings,
        metric=material.seeds["val"].task.metric,
        taught=rung.taught,
        tokens=material.tokens if rung.coded else None,
        seed=seed,
        folder=home,
    )


def _others(
    material: Material, seeds: int
) -> tuple[dict[str, dict[str, list[np.ndarray]]], tuple[str, ...]]:
    """Everything that is no student, and why what is missing is missing."""
    train, val, test = (material.seeds[s] for s in ("train", "val", "test"))
    found = {
        CONSTANT: {"val": [constant([train], val)], "test": [constant([train, val], test)]},
    }
    missing: tuple[str, ...] = ()
    try:
        found[BOOSTED] = _boosted(material, seeds)
    except MissingExtra as error:
        missing = (str(error),)
    found[TEACHER] = {
        split: [material.objective.predict(material.views[split].out)] for split in ("val", "test")
    }
    return found, missing


def _boosted(material: Material, seeds: int) -> dict[str, list[np.ndarray]]:
    train, val = material.seeds["train"], material.seeds["val"]
    frames = {split: table.frame() for split, table in material.tables.items()}
    frames["train"] = frames["train"].iloc[: material.labelled]
    answers = np.concatenate([train.answers] * (material.labelled // len(train)))
    each = [
        boosted(frames, train, val, answers=answers, seed=seed, **SHARED) for seed in range(seeds)
    ]
    return {split: [found[split] for found in each] for split in ("val", "test")}
