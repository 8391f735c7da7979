"""The ladder as a page: scores with intervals, what each part earned, what to use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hgl.distill.bootstrap import Interval, Resampled
from hgl.distill.ladder import Ladder
from hgl.distill.rung import (
    BOOSTED,
    CODED,
    CONSTANT,
    PLAIN,
    READ,
    ROW,
    ROW_TAUGHT,
    TAUGHT,
    TEACHER,
)
from hgl.tasks.metrics import METRICS, Answer
from hgl.tasks.task import Task

CREDITS = (
    ("aggregates", PLAIN.name, ROW.name),
    ("KD on the row", ROW_TAUGHT.name, ROW.name),
    ("KD on aggregates", TAUGHT.name, PLAIN.name),
    ("codes to learn", CODED.name, TAUGHT.name),
    ("codes to read", READ.name, TAUGHT.name),
)
"""What a part is called, with it, without it."""


@dataclass(frozen=True)
class Page:
    """A ladder with its look at test.

    Attributes:
        title: database and task.
        speed: lines of a table that another measured; may be empty.
    """

    title: str
    ladder: Ladder
    test: Resampled
    speed: Sequence[str] = ()

    @property
    def sign(self) -> int:
        """1 where a higher score is better."""
        return METRICS[self._task.metric].sign

    def rows(self) -> list[dict[str, object]]:
        """Return one row per predictor, for a file: name, seeds, val, test and retention."""
        return [
            {
                "predictor": name,
                "seeds": len(self.ladder.predictions["test"][name]),
                "val": self._plain(self.ladder.validation, name).value,
                "test": vars(self._plain(self.test, name)),
                "retention": vars(self.test.retention(name, CONSTANT, TEACHER)),
            }
            for name in self.test.scores
        ]

    def markdown(self) -> str:
        """Return the whole page."""
        parts = [
            f"# {self.title}",
            self._setting(),
            *self._table(),
            "\nWhat each part earns on test, entities resampled, 95 %:\n",
            *(f"- {line}" for line in self.credits()),
            "",
            *self.verdicts(),
            *self._aside(),
            *self.speed,
        ]
        return "\n".join([*parts, ""])

    def credits(self) -> list[str]:
        """Return what each part adds, better above 0."""
        pairs = [*CREDITS, ("student over teacher", self.ladder.chosen.name, TEACHER)]
        if BOOSTED in self.test.scores:
            pairs.append((f"{BOOSTED} over teacher", BOOSTED, TEACHER))
        return [
            f"{what}: {_signed(gain)}{'' if _decided(gain) else ' (undecided)'}"
            for what, of, over in pairs
            if of in self.test.scores
            for gain in [self.test.gain(of, over)]
        ]

    def verdicts(self) -> list[str]:
        """Return what ships, and what one should rather use."""
        chosen = self.ladder.chosen
        parts = {"KD": chosen.taught, "codes": chosen.coded or chosen == READ}
        off = [name for name, is_on in parts.items() if not is_on]
        lines = [f"Ships: {chosen.name} (chosen on validation)."]
        if off:
            lines.append(f"Off, since validation shows no gain for sure: {', '.join(off)}.")
        if BOOSTED in self.test.scores:
            if self.test.gain(BOOSTED, TEACHER).above_zero:
                lines.append(f"{BOOSTED} beats the teacher: distilling it is pointless here.")
            if self.test.gain(BOOSTED, chosen.name).above_zero:
                lines.append(f"{BOOSTED} beats the student: use it where a tree can be served.")
        return [*lines, *self.ladder.missing, *self.ladder.material.tokens.health.warnings()]

    def _setting(self) -> str:
        test, plan = self.ladder.material.seeds["test"], self.ladder.material.plan
        return (
            f"Policy {test.policy}, cut {test.cut}; {self._task.metric}; aggregates: "
            f"{len(plan.features)} columns, pruned on validation from "
            f"{len(self.ladder.material.tables['train'].plan.features)}.\n"
        )

    def _table(self) -> Iterator[str]:
        yield "| predictor | seeds | val | test [95 %] | retention [95 %] |"
        yield "|-|-|-|-|-|"
        for name in self.test.scores:
            retention = self.test.retention(name, CONSTANT, TEACHER)
            val = self._plain(self.ladder.validation, name).value
            yield (
                f"| {name} | {len(self.ladder.predictions['test'][name])} | {val:.4f} | "
                f"{self._plain(self.test, name)} | {_percent(retention)} |"
            )

    def _aside(self) -> Iterator[str]:
        """Cascade, drift, and entities that training never saw."""
        yield from self._cascade()
        if self._task.kind == "binary":
            within = METRICS["roc_auc_per_timestamp"].scores["binary"]
            yield f"\nMean AUROC within a timestamp: {self._scored(within, slice(None))}."
        test, train = (self.ladder.material.seeds[s] for s in ("test", "train"))
        new = ~np.isin(test.entity, train.entity)
        if new.any():
            score = METRICS[self._task.metric].scores[self._task.kind]
            yield (
                f"\nCold start, {new.sum()} test seeds of entities without a training seed: "
                f"{self._scored(score, new)}."
            )

    def _cascade(self) -> Iterator[str]:
        test, student = self.ladder.material.seeds["test"], self.ladder.student
        cascade = self.ladder.cascade(student)
        if cascade is None:
            return
        score = METRICS[self._task.metric].scores[self._task.kind]
        own, told = self.ladder.sure(student, "test")
        alone, mixed = (
            score(Answer(test.answers, found, test.time)) for found in (own, cascade.mix(own, told))
        )
        asked = 100 * cascade.unsure(own).mean()
        yield (
            f"\nCascade of the student that ships ({alone:.4f} alone): below a confidence of "
            f"{cascade.threshold:.2f}, chosen on validation, the teacher is asked: {asked:.0f} % "
            f"of test, {mixed:.4f}."
        )

    def _scored(self, score: Callable[[Answer], float], rows: slice | np.ndarray) -> str:
        test = self.ladder.material.seeds["test"]
        shown = []
        for name in (self.ladder.chosen.name, *({BOOSTED} & self.test.scores.keys()), TEACHER):
            each = self.ladder.predictions["test"][name]
            values = [score(Answer(test.answers[rows], p[rows], test.time[rows])) for p in each]
            shown.append(f"{name} {np.mean(values):.4f}")
        return ", ".join(shown)

    def _plain(self, resampled: Resampled, name: str) -> Interval:
        """A score as the metric has it."""
        interval = resampled.interval(lambda scores: scores[name])
        low, high = sorted((self.sign * interval.low, self.sign * interval.high))
        return Interval(self.sign * interval.value, low, high)

    @property
    def _task(self) -> Task:
        return self.ladder.material.seeds["test"].task


def _decided(gain: Interval) -> bool:
    return gain.low > 0 or gain.high < 0


def _signed(gain: Interval) -> str:
    return f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"


def _percent(retention: Interval) -> str:
    value, low, high = (100 * x for x in (retention.value, retention.low, retention.high))
    return f"{value:.0f} % [{low:.0f}, {high:.0f}]"
