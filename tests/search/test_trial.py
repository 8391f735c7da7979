"""What a ladder is, and what climbing it costs."""

from __future__ import annotations

import pytest

from hgl.errors import ConfigError
from hgl.search.trial import Ladder, Rung

LADDER = Ladder((Rung(2), Rung(6, 3), Rung(20, 5)))


@pytest.mark.parametrize(
    ("rung", "done", "cost"),
    [
        (0, None, 0.02),
        (1, None, 0.18),
        (2, None, 1),
        (1, 0, 0.16),
        (2, 1, 0.82),
        (2, 0, 0.98),
        (1, 1, 0),
        (0, 2, 0),
    ],
)
def test_costs_are_in_full_trials_and_a_higher_rung_resumes(
    rung: int, done: int | None, cost: float
) -> None:
    assert LADDER.cost(rung, done) == pytest.approx(cost)


def test_climbing_costs_what_the_top_costs() -> None:
    steps = [LADDER.cost(0), LADDER.cost(1, 0), LADDER.cost(2, 1)]
    assert sum(steps) == pytest.approx(LADDER.cost(2))


@pytest.mark.parametrize(
    "rungs",
    [
        (),
        (Rung(6), Rung(2)),
        (Rung(6, 3), Rung(20, 1)),
        (Rung(6, 3), Rung(2, 30)),
        (Rung(6), Rung(6)),
    ],
)
def test_ladders_ascend(rungs: tuple[Rung, ...]) -> None:
    with pytest.raises(ConfigError, match=r"rungs.*expected"):
        Ladder(rungs)


@pytest.mark.parametrize(("name", "arguments"), [("epochs", (0, 1)), ("seeds", (1, 0))])
def test_rungs_train(name: str, arguments: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"{name}=0: expected at least 1"):
        Rung(*arguments)
