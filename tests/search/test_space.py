"""Spaces have the published counts, and hold what a slow plain reference finds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hgl.db.schema import Schema
from hgl.errors import ConfigError, SchemaError
from hgl.graph.spec import GraphSpec, why_no_edges
from hgl.search.space import SpecSpace
from tests.search.published import benchmark, random_schema, schema, space, tasks

PUBLISHED = sorted(tasks())
PAIRS = ["condition-sponsor-run", "site-sponsor-run"]


@pytest.mark.parametrize("task", PUBLISHED)
def test_published_counts(task: str) -> None:
    assert (space(task).num_raw, space(task).count) == (tasks()[task].num_raw, tasks()[task].count)


def test_all_eighteen_are_published() -> None:
    assert len(PUBLISHED) == 18
    others = {"user-engagement", "post-votes", "user-post-comment", "site-success", *PAIRS}
    assert sum(tasks()[task].count for task in set(PUBLISHED) - others) == 51_751


def test_the_largest_space_is_listed_whole_and_once() -> None:
    listed = [model.to_bits() for model in tasks()["study-outcome"].space()]
    assert len(listed) == len(set(listed)) == 36_863


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_trying_every_mask(seed: int) -> None:
    drawn = random_schema(seed)
    hops = 1 + seed % 3
    for table in drawn.tables:
        for destination in (None, "a"):
            expected = sorted(_reference(drawn, table, hops, destination))
            if not expected:
                with pytest.raises(SchemaError):
                    SpecSpace(drawn, table, hops, destination=destination)
                continue
            found = SpecSpace(drawn, table, hops, destination=destination)
            assert [model.to_bits() for model in found] == expected


def _reference(drawn: Schema, entity: str, hops: int, destination: str | None) -> set[str]:
    """Pruned bits of every valid graph, one mask after the other, with sets of names."""
    edges = [name for name in sorted(drawn.tables) if why_no_edges(drawn, name) is None]
    keys = sorted((t.name, f.name, f.parent) for t in drawn.tables.values() for f in t.fkeys)
    parents = {n: [p for child, _, p in keys if child == n] for n in edges}
    ends = [tuple(parents[name]) for name in edges] + [(child, p) for child, _, p in keys]
    found = set()
    for bits in product((0, 1), repeat=len(ends)):
        drawn_as_edges = {name for name, bit in zip(edges, bits) if bit}
        kept = [child for (child, _, _), bit in zip(keys, bits[len(edges) :]) if bit]
        if drawn_as_edges & set(kept):
            continue
        distance = _distances(entity, [pair for pair, bit in zip(ends, bits) if bit])
        pruned = [
            bit if min(distance.get(u, 99), distance.get(v, 99)) < hops else 0
            for (u, v), bit in zip(ends, bits)
        ]
        touched = {end for pair, bit in zip(ends, pruned) if bit for end in pair}
        if entity in touched and (destination is None or destination in touched):
            found.add("".join(map(str, pruned)))
    return found


def _distances(entity: str, pairs: list[tuple[str, ...]]) -> dict[str, int]:
    distance, ring = {entity: 0}, [entity]
    while ring:
        reached = [v for u in ring for pair in pairs if u in pair for v in pair]
        ring = [v for v in dict.fromkeys(reached) if v not in distance]
        distance.update(dict.fromkeys(ring, 1 + max(distance.values())))
    return distance


@pytest.mark.parametrize("task", PUBLISHED)
def test_bits_and_positions_round_trip(task: str) -> None:
    models = space(task)
    listed = list(models)
    assert all(models.from_bits(model.to_bits()) == model for model in listed)
    assert [model.to_bits() for model in listed] == sorted(m.to_bits() for m in listed)
    picked = range(0, models.count, 97)
    assert [models.index(models[position]) for position in picked] == list(picked)


@pytest.mark.parametrize("task", PUBLISHED)
def test_all_rows_is_in_the_space_but_for_two_tasks(task: str) -> None:
    model = space(task).all_rows
    assert not model.edge_tables
    assert space(task).is_valid(model) == (task not in PAIRS)


def test_pairs_of_posts_that_reach_no_other_post() -> None:
    """80 models of post-post-related hang tables below a post and never lead to another one."""

    def leads_nowhere(fkeys: set[tuple[str, str]]) -> bool:
        links = {("postLinks", "PostId"), ("postLinks", "RelatedPostId")}
        return not links <= fkeys and not any(table == "posts" for table, _ in fkeys)

    models = [m for m in space("post-post-related") if not m.edge_tables]
    assert sum(leads_nowhere(set(model.fkeys)) for model in models) == 80


def test_samples_are_uniform_and_repeatable() -> None:
    models = space("user-repeat")
    drawn = [models.sample(np.random.default_rng(3)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    rng = np.random.default_rng(0)
    counts = np.bincount([models.index(models.sample(rng)) for _ in range(4280)], minlength=214)
    assert counts.min() > 3
    assert counts.max() < 45


def test_benchmark_prints_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark().main()
    assert len(capsys.readouterr().out.splitlines()) == 20


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (("users",), "the entity table 'users' to be drawn"),
        (("event_attendees", "event_interest", "events", "user_friends"), "cuts off the entity"),
        (("clients",), "'clients' not found"),
    ],
)
def test_specs_that_do_not_fit(left_out: tuple[str, ...], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        space("user-repeat").from_spec(GraphSpec(without_tables=left_out))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"entity_table": "clients"},
            "entity_table='clients' not found; tables are: a, alone, b, c",
        ),
        ({"entity_table": "alone"}, "no foreign key touches it"),
        ({"entity_table": "a", "destination": "c"}, "'c' is more than num_hops=1 from 'a'"),
        ({"entity_table": "a", "destination": "d"}, "destination='d' not found"),
    ],
)
def test_empty_spaces(arguments: dict[str, str], message: str) -> None:
    drawn = schema(a={"b": "b"}, b={"c": "c"}, c={}, alone={})
    with pytest.raises(SchemaError, match=message):
        SpecSpace(drawn, num_hops=1, **arguments)


@pytest.mark.parametrize("num_hops", [0, -1])
def test_no_hops(num_hops: int) -> None:
    with pytest.raises(ConfigError, match=f"num_hops={num_hops}: expected at least 1"):
        SpecSpace(schema(a={"b": "b"}, b={}), "a", num_hops)


def test_space_too_large_to_list_is_still_walked() -> None:
    drawn = schema(a={}, **{f"t{n}": {"k": "a", "l": "a"} for n in range(12)})
    models = SpecSpace(drawn, "a")
    with pytest.raises(ConfigError, match="244,140,625 graph models"):
        models.count  # noqa: B018
    assert models.is_valid(models.all_rows)
    assert len(models.all_rows.neighbours()) == 12 * 4
