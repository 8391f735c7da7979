"""Random search, all rows as nodes, and evolution."""

from __future__ import annotations

import pytest

from hgl.errors import ConfigError
from hgl.search.methods import AllRows, Evolution, Random
from hgl.search.model import GraphModel
from hgl.search.search import Search
from hgl.search.trial import Trial
from tests.search.landscape import FULL
from tests.search.published import space


def test_random_asks_every_model_once() -> None:
    models = space("user-repeat")
    search = Search(Random(models, ladder=FULL), FULL, 1000)
    while (trial := search.ask()) is not None:
        search.tell(trial, 0.0)
    assert sorted(t.model for t, _, _ in search.history) == list(models)


def test_random_favours_no_model() -> None:
    models = space("user-repeat")
    starts = [next(Random(models, ladder=FULL, seed=s).rounds())[0].model for s in range(600)]
    assert len(set(starts)) > 180


def test_all_rows_is_one_trial() -> None:
    models = space("user-repeat")
    rounds = AllRows(models, ladder=FULL).rounds()
    assert next(rounds) == [Trial(models.all_rows, 0)]
    with pytest.raises(StopIteration):
        rounds.send({Trial(models.all_rows, 0): 1.0})


def test_the_best_child_replaces_the_oldest() -> None:
    """Children are neighbours of members: those of the oldest alone are gone after it is."""
    rounds = Evolution(space("driver-top3"), ladder=FULL, population=3, seed=1).rounds()
    members = [trial.model for trial in next(rounds)]
    asked = rounds.send({Trial(model, 0): 0.0 for model in members})
    for _ in range(20):
        children = [trial.model for trial in asked]
        assert _mutants(children, members)
        scores = {child: float(child.mask % 7) for child in children}
        best = max(children, key=lambda child: scores[child])
        members = [*members[1:], best]
        asked = rounds.send({Trial(child, 0): score for child, score in scores.items()})


def _mutants(children: list[GraphModel], members: list[GraphModel]) -> bool:
    """Whether each child is one action from a member, and no more children than members."""
    around = {neighbour for member in members for neighbour in member.neighbours()}
    return 0 < len(children) <= len(members) and set(children) <= around


def test_no_population() -> None:
    with pytest.raises(ConfigError, match="population=0: expected at least 1"):
        Evolution(space("user-repeat"), ladder=FULL, population=0)
