"""One run of a grid: a task, a contender, a regime and a seed."""

from __future__ import annotations

from dataclasses import dataclass

from hgl.db.cache import digest
from hgl.results.question import Question


@dataclass(frozen=True)
class Source:
    """The database of a grid.

    Attributes:
        word: as the user named it, without a password.
        place: what the runs are given, so that all of them read the same data.
        name: of the database.
        fingerprint: of its data.
    """

    word: str
    place: str
    name: str
    fingerprint: str


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        contender: its name in the table.
        words: of `hgl train`, all but database, task, regime, seed and folder.
        trials: runs that tuning spent on choosing some of the words; 0 without tuning.
        chosen: those words.
        test: False for a trial of tuning, which does not see the test split.
    """

    suite: str
    source: Source
    question: Question
    contender: str
    policy: str
    cut: str
    seed: int
    words: tuple[str, ...]
    trials: int = 0
    chosen: tuple[str, ...] = ()
    test: bool = True

    @property
    def id(self) -> str:
        """12 hex digits of all that makes this run another one."""
        return digest(
            self.source.fingerprint,
            self.question.name,
            self.contender,
            [self.policy, self.cut, self.seed, self.trials, self.test],
            list(self.words),
        )[:12]

    @property
    def name(self) -> str:
        """For people."""
        drawn = f" ({' '.join(self.chosen) or 'as it is'})" if not self.test else ""
        regime = f"{self.policy}, {self.cut}"
        return f"{self.question.name} {self.contender} seed {self.seed}{drawn}, {regime}"

    @property
    def train_words(self) -> tuple[str, ...]:
        """Words of `hgl train` but for `out`; the database as the user named it."""
        return (
            f"db={self.source.word}",
            f"task={self.question.word}",
            *self.words,
            f"policy={self.policy}",
            f"cut={self.cut}",
            f"trainer.seed={self.seed}",
            "baselines=false",
            *(() if self.test else ("test=false",)),
        )
