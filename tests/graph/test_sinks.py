"""Rows with one null key reach the parent that they name, and nothing else, through a sink."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hgl.graph.row_edges import Parent, row_counts
from hgl.graph.sampler import TemporalSampler
from hgl.graph.sinks import sink_relations
from hgl.graph.spec import NullKeys
from hgl.typing import UNKNOWN_TIME, EdgeType, reverse_of
from tests.graph.test_row_edges import Joined, edges_of, random_joined


def test_rows_with_one_null_key() -> None:
    # Rows 1 and 4 have no user, rows 2 and 5 no item, row 3 neither; of row 4 the time is unknown,
    # of row 5 the user's.
    made = list(
        sink_relations(
            "likes",
            Parent(
                "by", "user", np.array([0, -1, 1, -1, -1, 2]), 3, np.array([1, 8, UNKNOWN_TIME])
            ),
            Parent("of", "item", np.array([1, 1, -1, -1, 0, -1]), 2, None),
            np.array([5, 6, 3, 4, UNKNOWN_TIME, 7]),
        )
    )
    relations = {relation.edge_type: relation for relation in made}
    item, user = ("likes sink", "r2e_likes", "item"), ("likes sink", "rev_r2e_likes", "user")
    rows = ("likes", "sink_f2p_of", "item"), ("likes", "sink_f2p_by", "user")
    drawn = {item, user, *rows}
    assert relations.keys() == drawn | {reverse_of(e) for e in drawn}
    assert (relations[item].row_type, relations[user].row_type) == rows
    for edge_type, colptr, row, time in ((item, [0, 0, 1], 1, 6), (user, [0, 0, 1, 1], 2, 3)):
        found = relations.pop(edge_type)
        assert found.colptr.tolist() == colptr
        assert (found.row.tolist(), found.edge_row.tolist()) == ([0], [row])
        assert found.time.tolist() == [time]  # the row's own; the target's is no matter of an edge
        assert (found.num_hidden, found.num_null) == (1, 1)
    sizes = {"user": 3, "item": 2, "likes": 6, "likes sink": 1}
    for relation in relations.values():
        assert relation.colptr.tolist() == [0] * (sizes[relation.edge_type[2]] + 1)
        assert relation.row_type is None


def half_known(world: Joined) -> Iterator[tuple[EdgeType, int, int, int | None]]:
    """Relation, row, parent's row and time of each row with one null key."""
    for name, parents, keys, times in world.joins:
        for row, pair in enumerate(zip(*(key.tolist() for key in keys), strict=True)):
            if min(pair) < 0 <= max(pair):
                known = int(pair[1] >= 0)
                label = f"r2e_{name}" if known else f"rev_r2e_{name}"
                time = None if times is None else int(times[row])
                yield (f"{name} sink", label, parents[known]), row, pair[known], time


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    number=st.integers(0, 2**32),
    limit=st.sampled_from([8, 4, 2, 0]),
    cut=st.sampled_from(["inclusive", "strict"]),
    backend=st.sampled_from(["numba", "torch"]),
)
def test_a_parent_sees_its_half_known_rows(number: int, limit: int, cut: Any, backend: Any) -> None:
    world = random_joined(number)
    for entity, size in world.sizes.items():
        rows = [r for r in range(size) if world.time(entity, r) != UNKNOWN_TIME]
        until = [max(limit, world.time(entity, row)) for row in rows]
        seeds = torch.tensor(rows).long(), torch.tensor(until).long()
        of_row = dict(zip(rows, until, strict=True))
        expected = Counter(
            (edge_type, row, parent)
            for edge_type, row, parent, time in half_known(world)
            if edge_type[2] == entity
            and parent in of_row
            and (time is None or time < of_row[parent] + (cut == "inclusive"))
        )
        for null_keys in ("drop", "sink"):
            graph = world.graph(null_keys=null_keys)
            sampler = TemporalSampler(graph, [-1], cut=cut, backend=backend)
            sample, found, along = sampler.sample(entity, *seeds), Counter[Any](), Counter[Any]()
            for edge_type, source, target, _, row in edges_of(sample):
                if edge_type[0].endswith(" sink"):
                    found[edge_type, row, int(sample.row[target])] += 1
                elif edge_type[1].startswith("sink_"):
                    along[edge_type, int(sample.row[source]), int(sample.row[target])] += 1
            assert found == (expected if null_keys == "sink" else Counter())
            row_types = graph.row_types
            assert along == Counter({(row_types[e], *ends): n for (e, *ends), n in found.items()})


@settings(max_examples=200, deadline=None, derandomize=True)
@given(number=st.integers(0, 2**32))
def test_every_row_is_counted_once(number: int) -> None:
    world = random_joined(number)
    for null_keys, whole in (("drop", True), ("sink", False)):
        counts = row_counts(world.graph(null_keys=null_keys).relations)
        for name, parents, keys, _ in world.joins:
            there = counts[f"{parents[0]} r2e_{name} {parents[1]}"]
            parts = [there["edges"], there["unknown_time"]]
            if whole:
                parts.append(there["null_key"])
            else:
                second = counts[f"{name} sink r2e_{name} {parents[1]}"]
                first = counts[f"{name} sink rev_r2e_{name} {parents[0]}"]
                assert first["null_key"] == second["null_key"]
                parts += [first["edges"], first["unknown_time"], *second.values()]
            assert sum(parts) == len(keys[0])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(number=st.integers(0, 2**32))
def test_nothing_is_reached_through_a_sink(number: int) -> None:
    world = random_joined(number)
    static = dataclasses.replace(
        world,
        times=dict.fromkeys(world.times),
        joins=[(*join[:3], None) for join in world.joins],
    )
    reached: list[list[Any]] = []
    policies: tuple[NullKeys, ...] = ("drop", "sink")
    for null_keys in policies:
        sampler = TemporalSampler(static.graph(False, null_keys), [-1, -1, -1])
        for entity, size in world.sizes.items():
            rows = torch.arange(size)
            sample = sampler.sample(entity, rows, torch.zeros_like(rows))
            kinds = np.repeat(sample.layout.node_types, sample.num_copies.sum(axis=1))
            copies = zip(kinds.tolist(), sample.row.tolist(), sample.seed.tolist(), strict=True)
            reached.append(sorted(c for c in copies if not c[0].endswith(" sink")))
    half = len(reached) // 2
    assert reached[:half] == reached[half:]
