"""Greedy paths checked by hand on a space of twelve models."""

from __future__ import annotations

import pytest

from hgl.errors import ConfigError, SchemaError
from hgl.search.actions import ActionPolicy
from hgl.search.methods import GreedyBackward, GreedyForward, GreedyLocal
from hgl.search.methods.greedy import Greedy, keys_used, smallest
from hgl.search.model import GraphModel
from hgl.search.search import Search
from hgl.search.space import SpecSpace
from tests.search.landscape import FULL
from tests.search.published import schema, space

MODELS = SpecSpace(schema(u={}, v={}, likes={"a": "u", "b": "v"}, posts={"by": "u"}), "u")
"""Bits: likes as edges; likes.a, likes.b, posts.by. A `b` without an `a` is out of sight."""

SCORES = {
    "0001": 3,
    "0100": 5,
    "0101": 4,
    "0110": 6,
    "0111": 7,
    "1000": 2,
    "1001": 9,
}


def path(method: Greedy, budget: float = 99) -> list[set[str]]:
    """Bits of each round's new trials."""
    rounds, search = [], Search(method, FULL, budget)
    while not search.done:
        asked = []
        while (trial := search.ask()) is not None:
            asked.append(trial)
        for trial in asked:
            search.tell(trial, float(SCORES[trial.model.to_bits()]))
        rounds += [{trial.model.to_bits() for trial in asked}] if asked else []
    return rounds


def test_the_space_is_what_the_scores_say() -> None:
    assert [model.to_bits() for model in MODELS] == sorted(SCORES)


@pytest.mark.parametrize(
    ("policy", "rounds"),
    [
        # From 0100 to 0110, to 0111, and by likes as edges to 1001, where nothing can be added.
        ("rdb2g", [{"0001", "0100", "1000"}, {"0101", "0110"}, {"0111"}, {"1001"}]),
        ("repair", [{"0001", "0100", "1000"}, {"0101", "0110"}, {"0111"}, {"1001"}]),
    ],
)
def test_forward(policy: ActionPolicy, rounds: list[set[str]]) -> None:
    assert path(GreedyForward(MODELS, ladder=FULL, policy=policy)) == rounds


@pytest.mark.parametrize(
    ("policy", "rounds"),
    [
        ("rdb2g", [{"0111"}, {"0101", "0110", "1001"}, {"1000"}]),
        ("repair", [{"0111"}, {"0001", "0101", "0110", "1001"}, {"1000"}]),
    ],
)
def test_backward(policy: ActionPolicy, rounds: list[set[str]]) -> None:
    assert path(GreedyBackward(MODELS, ladder=FULL, policy=policy)) == rounds


def test_local_ends_where_no_neighbour_is_better_and_starts_again() -> None:
    asked = path(GreedyLocal(MODELS, ladder=FULL))
    assert len(asked[0]) == 1
    (start,) = asked[0]
    assert asked[1] == {m.to_bits() for m in MODELS.from_bits(start).neighbours()}
    assert set().union(*asked) == set(SCORES)


def test_a_round_comes_in_an_order_of_its_seed() -> None:
    def first(seed: int) -> list[GraphModel]:
        method = GreedyForward(space("user-repeat"), ladder=FULL, seed=seed)
        return [trial.model for trial in next(method.rounds())]

    assert first(0) == first(0)
    assert first(0) != first(1)
    assert sorted(first(0)) == sorted(first(1)) == sorted(smallest(space("user-repeat")))


def test_where_no_single_relation_reaches_the_destination() -> None:
    models = space("condition-sponsor-run")
    found = smallest(models)
    assert {len(model.fkeys) + len(model.edge_tables) for model in found} == {2}
    fewest = [m for m in models if len(m.fkeys) + len(m.edge_tables) == 2]
    assert found == fewest


def test_a_table_of_edges_uses_both_its_keys() -> None:
    used = {bits: keys_used(MODELS.from_bits(bits)) for bits in ("0110", "1000", "1001", "0001")}
    assert used == {"0110": 2, "1000": 2, "1001": 3, "0001": 1}


def test_errors() -> None:
    with pytest.raises(ConfigError, match="policy='up'"):
        GreedyForward(MODELS, ladder=FULL, policy="up")  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="expected a method that starts elsewhere"):
        GreedyBackward(space("site-sponsor-run"), ladder=FULL)
