"""The ladder: constant, students, LightGBM on aggregates, teacher, compared on the same seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hgl.distill.bootstrap import Resampled, resample
from hgl.distill.material import Material
from hgl.distill.rung import BOOSTED, CODED, CONSTANT, PLAIN, STUDENTS, TAUGHT, TEACHER, Rung
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
        student: of that rung, the best on validation.
        missing: why a predictor is not there.
    """

    material: Material
    predictions: Mapping[str, Mapping[str, list[np.ndarray]]]
    students: Mapping[str, list[Student]]
    chosen: Rung
    student: Student
    validation: Resampled
    missing: tuple[str, ...] = ()

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Those that have students."""
        return tuple(rung for rung in STUDENTS if rung.name in self.students)

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
        folder: of the distillation; receives the students' weights.
    """
    students: dict[str, list[Student]] = {}
    for rung in STUDENTS:
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
    best = max(students[chosen.name], key=lambda s: s.sign * s.score)
    return Ladder(material, splits, students, chosen, best, validation, missing)


def choose(validation: Resampled) -> Rung:
    """Return the rung that ships: a part whose gain may be none stays off."""
    if not validation.gain(TAUGHT.name, PLAIN.name).above_zero:
        return PLAIN
    return CODED if validation.gain(CODED.name, TAUGHT.name).above_zero else TAUGHT


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
