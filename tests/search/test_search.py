"""A search keeps its budget, asks the same whoever answers, and is replayed from its scores."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from hgl.errors import ConfigError, SchemaError
from hgl.search.method import Method, Rounds
from hgl.search.search import Search
from hgl.search.space import SpecSpace
from hgl.search.trial import Trial
from tests.search.landscape import Landscape
from tests.search.methods.every import LADDER, METHODS, make
from tests.search.published import space, tasks

Answer = Callable[[Trial], float | None]
BUDGET = 15.5


class Scripted(Method):
    """Asks given positions, round by round, at given rungs, and keeps what it is sent."""

    def __init__(self, models: SpecSpace, *script: list[tuple[int, int]]) -> None:
        super().__init__(models, ladder=LADDER)
        self.script = script
        self.sent: list[dict[Trial, float | None]] = []

    def rounds(self) -> Rounds:
        for trials in self.script:
            self.sent.append(dict((yield [Trial(self.space[p], rung) for p, rung in trials])))


def answers(task: str, *, failing: float = 0.0) -> Answer:
    """Scores of a made-up landscape; some models always fail."""
    landscape = Landscape(space(task))

    def answer(trial: Trial) -> float | None:
        fails = Random(trial.model.mask).random() < failing
        return None if fails else landscape.score(trial, LADDER)

    return answer


def alone(search: Search, answer: Answer) -> Search:
    """One worker to the end."""
    while (trial := search.ask()) is not None:
        search.tell(trial, answer(trial))
    return search


def together(search: Search, answer: Answer, workers: int, random: Random) -> Search:
    """Workers that take and return trials at random times."""
    out: list[Trial] = []
    while not search.done:
        trial = search.ask() if len(out) < workers else None
        out += [] if trial is None else [trial]
        if out and (trial is None or random.random() < 0.5):
            told = out.pop(random.randrange(len(out)))
            search.tell(told, answer(told))
    return search


@pytest.mark.parametrize("name", METHODS)
def test_never_passes_the_budget(name: str) -> None:
    search = alone(Search(make(name, space("user-repeat")), LADDER, BUDGET), answers("user-repeat"))
    assert search.done
    asked = [trial for trial, _, _ in search.history]
    assert len(set(asked)) == len(asked)
    works = {t.model: LADDER.rungs[t.rung].work for t in sorted(asked, key=lambda t: t.rung)}
    assert search.spent == pytest.approx(sum(works.values()) / LADDER.rungs[-1].work)
    assert search.spent <= BUDGET


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("workers", [2, 5])
def test_workers_and_their_order_change_nothing(name: str, workers: int) -> None:
    answer = answers("user-repeat", failing=0.1)
    expected = alone(Search(make(name, space("user-repeat")), LADDER, BUDGET), answer)
    for seed in range(3):
        search = Search(make(name, space("user-repeat")), LADDER, BUDGET)
        found = together(search, answer, workers, Random(seed))
        assert found.history == expected.history
        assert found.best == expected.best


@pytest.mark.parametrize("name", METHODS)
def test_stored_scores_replay_the_search(name: str) -> None:
    answer = answers("user-repeat")
    whole = alone(Search(make(name, space("user-repeat")), LADDER, BUDGET), answer)
    stored = {trial: score for trial, score, _ in whole.history[: len(whole.history) // 2]}
    asked = []
    search = Search(make(name, space("user-repeat")), LADDER, BUDGET)
    while (trial := search.ask()) is not None:
        asked.append(trial)
        search.tell(trial, stored[trial] if trial in stored else answer(trial))
    assert asked == [trial for trial, _, _ in whole.history]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("failing", [0.3, 1.0])
def test_failed_trials_do_not_stop_a_search(name: str, failing: float) -> None:
    answer = answers("user-repeat", failing=failing)
    search = alone(Search(make(name, space("user-repeat")), LADDER, BUDGET), answer)
    assert search.done
    scores = [score for _, score, _ in search.history]
    assert (search.best is None) == all(score is None for score in scores)
    assert name == "AllRows" or (None in scores and (search.best is None) == (failing == 1.0))


@pytest.mark.parametrize("task", sorted(tasks().keys() - {"study-outcome"}))
@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_every_space(name: str, task: str) -> None:
    models = space(task)
    if name in ("AllRows", "GreedyBackward") and not models.is_valid(models.all_rows):
        with pytest.raises(SchemaError, match="all rows as nodes leave destination='sponsors'"):
            make(name, models)
        return
    search = alone(Search(make(name, models), LADDER, 12), answers(task))
    assert all(models.is_valid(trial.model) for trial, _, _ in search.history)
    assert search.best is not None
    assert len(search.history) >= (1 if name == "AllRows" else 3)


def test_a_round_waits_for_all_scores_of_the_one_before() -> None:
    models = space("user-repeat")
    method = Scripted(models, [(0, 2), (1, 2)], [(2, 2)])
    search = Search(method, LADDER, 10)
    first, second = search.ask(), search.ask()
    assert first is not None
    assert second is not None
    assert search.ask() is None
    search.tell(second, 2.0)
    assert search.ask() is None
    assert not search.done
    assert search.history == [(second, 2.0, 2.0)]
    search.tell(first, None)
    assert search.ask() == Trial(models[2], 2)
    assert method.sent == [{first: None, second: 2.0}]


def test_trials_seen_before_are_answered_from_memory() -> None:
    method = Scripted(space("user-repeat"), [(0, 2)], [(0, 2), (1, 2), (1, 2)], [(0, 2)])
    search = alone(Search(method, LADDER, 10), lambda trial: float(trial.model.mask))
    assert [entry[2] for entry in search.history] == [1.0, 2.0]
    assert [len(sent) for sent in method.sent] == [1, 2, 1]


def test_a_trial_that_would_pass_the_budget_ends_the_search() -> None:
    method = Scripted(space("user-repeat"), [(0, 2), (1, 1), (2, 2), (3, 0)])
    search = alone(Search(method, LADDER, 2), lambda trial: 0.0)
    assert [t.rung for t, _, _ in search.history] == [2, 1]
    assert search.spent == pytest.approx(1.3)
    assert search.done


def test_the_best_is_of_the_highest_rung_and_the_first_of_equals() -> None:
    models = space("user-repeat")
    scores = {(0, 0): 9.0, (1, 1): 3.0, (2, 1): 4.0, (3, 1): 4.0, (4, 2): None}
    search = Search(Scripted(models, list(scores)), LADDER, 10)
    alone(search, lambda trial: scores[models.index(trial.model), trial.rung])
    assert search.best == Trial(models[2], 1)


def test_scores_that_are_no_numbers_are_failures() -> None:
    search = Search(Scripted(space("user-repeat"), [(0, 2), (1, 2)]), LADDER, 10)
    scores = iter([float("nan"), float("-inf")])
    assert [score for _, score, _ in alone(search, lambda _: next(scores)).history] == [None, None]


def test_a_method_that_asks_nothing_new_ends() -> None:
    class Stuck(Method):
        def rounds(self) -> Rounds:
            while True:
                yield from self.ask([self.space[0]])

    search = alone(Search(Stuck(space("user-repeat"), ladder=LADDER), LADDER, 5), lambda _: 1.0)
    assert search.done
    assert search.spent == 1


@pytest.mark.parametrize("budget", [0, -1, float("nan")])
def test_no_budget(budget: float) -> None:
    with pytest.raises(ConfigError, match="budget="):
        Search(Scripted(space("user-repeat"), [(0, 0)]), LADDER, budget)


def test_trials_never_asked() -> None:
    search = Search(Scripted(space("user-repeat"), [(0, 0)]), LADDER, 1)
    with pytest.raises(ConfigError, match="expected one that was asked"):
        search.tell(Trial(space("user-repeat")[0], 0), 1.0)


def test_another_score_for_the_same_trial() -> None:
    search = Search(Scripted(space("user-repeat"), [(0, 0)]), LADDER, 1)
    trial = search.ask()
    assert trial is not None
    search.tell(trial, 1.0)
    search.tell(trial, 1.0)
    with pytest.raises(ConfigError, match=r"score=2\.0 of trial .*: it was told 1\.0 before"):
        search.tell(trial, 2.0)
