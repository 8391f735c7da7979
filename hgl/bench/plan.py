"""Which cells a suite is made of, once a user's choices are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from hgl.bench.cell import Cell, Source
from hgl.bench.contender import Contender
from hgl.bench.suite import Suite
from hgl.errors import ConfigError
from hgl.results.question import Question


def chosen(argument: str, text: str | None, known: Sequence[str]) -> list[str]:
    """Read `a,b` as names among `known`; None takes all.

    Raises: ConfigError: a name is not known, or comes twice.
    """
    if text is None:
        return list(known)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(f"{argument}={name!r}{hint}: expected some of {', '.join(known)}")
        if names.count(name) > 1:
            raise ConfigError(f"{argument}={text!r}: {name} comes twice")
    return names


def seed_list(text: str) -> list[int]:
    """Read `5` as the seeds 0 to 4, and `3,7` or `3,` as just these.

    Raises: ConfigError: it is neither.
    """
    refusal = ConfigError(f"seeds={text!r}: expected a number such as 5, or a list such as 0,3,7")
    parts = [part.strip() for part in text.split(",")]
    numbers = parts[:-1] if len(parts) > 1 and not parts[-1] else parts
    if not all(part.isascii() and part.isdigit() for part in numbers):
        raise refusal
    seeds = [int(part) for part in numbers] if "," in text else list(range(int(numbers[0])))
    if not seeds or len(set(seeds)) < len(seeds):
        raise refusal
    return seeds


@dataclass(frozen=True)
class Plan:
    """A grid before it is run.

    Attributes:
        models: that take part in the tasks that they answer. Baselines come on top.
        words: more of `hgl train`, for every contender.
    """

    suite: Suite
    contenders: Mapping[str, Contender]
    source: Source
    questions: Sequence[Question]
    models: Sequence[str]
    policies: Sequence[str]
    cuts: Sequence[str]
    seeds: Sequence[int]
    words: Sequence[str] = ()

    def cells(
        self, choices: Mapping[Cell, tuple[str, ...]] | None = None, trials: int = 0
    ) -> list[Cell]:
        """Return every cell, task by task, and the cheapest questions of a reader first.

        Args:
            choices: of `bases`, what tuning chose.
            trials: that it spent on each.
        """
        found = []
        for base in self.bases():
            contender = self.contenders[base.contender]
            tuned = trials if contender.space else 0
            more = (choices or {}).get(base, ())
            seeds = self.seeds if contender.seeded else self.seeds[:1]
            found += [_with(base, more, seed=seed, trials=tuned, chosen=more) for seed in seeds]
        return found

    def bases(self) -> list[Cell]:
        """Return one cell, of the first seed, per task, regime and contender."""
        return [
            Cell(
                suite=self.suite.name,
                source=self.source,
                question=question,
                contender=name,
                policy=policy,
                cut=cut,
                seed=self.seeds[0],
                words=self._words(question.name, name),
            )
            for policy in self.policies
            for cut in self.cuts
            for question in self.questions
            for name in self._names(question.kind)
        ]

    def trials(self, base: Cell, draws: Sequence[tuple[str, ...]]) -> list[Cell]:
        """Return the cells of tuning one base: no test, the first seed."""
        return [_with(base, draw, chosen=draw, test=False) for draw in draws]

    @property
    def idle(self) -> list[str]:
        """The models that answer none of the tasks."""
        kinds = {question.kind for question in self.questions}
        return [name for name in self.models if not any(map(self.contenders[name].answers, kinds))]

    def _names(self, kind: str) -> list[str]:
        baselines = [name for name, c in self.contenders.items() if c.baseline]
        named = dict.fromkeys([*baselines, *self.models])
        return [name for name in named if self.contenders[name].answers(kind)]

    def _words(self, task: str, name: str) -> tuple[str, ...]:
        contender = self.contenders[name]
        asked = self.suite.words_for(task, name, network=contender.network)
        return (f"model={contender.model}", *asked, *contender.words, *self.words)


def _with(base: Cell, more: tuple[str, ...], **changes: object) -> Cell:
    return replace(base, words=(*base.words, *more), **changes)  # type: ignore[arg-type]
