"""Relations of tables drawn as edges have neighbours of their own number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hgl.errors import ConfigError
from hgl.graph.fan_out import fan_out
from hgl.graph.sampler import TemporalSampler
from tests.graph.test_row_edges import Joined

HALVES = [(0.5, [4, 2]), (0.01, [1, 1]), (1.1, [9, 4]), (1.0, [8, 3]), (3, [24, 9])]


def visits() -> Joined:
    """A user with 40 visits to items, half without one, as edges, and 40 letters as rows."""
    zeros, items = np.zeros(40, np.int64), np.where(np.arange(40) % 2, np.arange(40), -1)
    return Joined(
        {"item": 40, "user": 1, "letter": 40},
        {"item": None, "user": None, "letter": None},
        [("letter", "to", "user", zeros)],
        [("visit", ("item", "user"), (items, zeros), None)],
    )


@pytest.mark.parametrize(("factor", "scaled"), HALVES)
def test_only_edges_of_tables_are_scaled(factor: float, scaled: list[int]) -> None:
    graph = visits().graph(null_keys="sink")
    numbers = fan_out(graph, [8, 3], factor)
    sample = TemporalSampler(graph, numbers).sample("user", torch.tensor([0]), torch.tensor([0]))
    found = dict(zip(sample.layout.edge_types, sample.num_edges.tolist(), strict=True))
    assert found["item", "r2e_visit", "user"] == [min(scaled[0], 20), 0]
    assert found["visit sink", "r2e_visit", "user"] == [min(scaled[0], 20), 0]
    assert found["letter", "f2p_to", "user"] == [8, 0]


def test_numbers_per_hop() -> None:
    graph = visits().graph()
    numbers = fan_out(graph, (-1, 10, 3, 0), 1.1)
    assert isinstance(numbers, dict)
    edges = {e for e in graph.edge_types if "r2e_" in e[1]}
    assert numbers == {
        e: [-1, 11, 4, 0] if e in edges else [-1, 10, 3, 0] for e in graph.edge_types
    }


def test_where_nothing_differs_it_is_one_list() -> None:
    world = visits()
    assert fan_out(world.graph(), (8, 3), 1.0) == [8, 3]
    world.joins.clear()
    assert fan_out(world.graph(), (8, 3), 0.5) == [8, 3]


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_factors_out_of_range(factor: float) -> None:
    with pytest.raises(ConfigError, match=f"edge_fan_out={factor}: expected a finite number above"):
        fan_out(visits().graph(), [8], factor)
