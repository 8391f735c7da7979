"""From a model to its best neighbour, until none is better (RDB2G-Bench, arXiv:2506.01360)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, ClassVar

import numpy as np

from hgl.search.actions import ActionPolicy, Kind, actions
from hgl.search.method import Method, Rounds, Scores, Worth
from hgl.search.methods.all_rows import valid_all_rows
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace
from hgl.search.trial import Trial


class Greedy(Method):
    """What the three have in common: best-neighbour ascent.

    The neighbours of a round come in an order drawn at random, so that a budget that ends among
    them favours none.

    Args:
        policy: which actions there are. `rdb2g` has those of RDB2G-Bench, of some kinds only.
            `repair` has no kinds: what only adds may not lower the number of foreign keys used,
            what only removes may not raise it. A table drawn as edges uses both of its keys.
    Raises: ConfigError: the policy is unknown.
    """

    kinds: ClassVar[tuple[Kind, ...] | None] = None
    towards: ClassVar[int] = 0
    """1 where a step may not use fewer keys, -1 where it may not use more, 0 where it may both."""

    def __init__(
        self, space: SpecSpace, *, policy: ActionPolicy = "repair", **settings: Any
    ) -> None:
        super().__init__(space, **settings)
        self.policy = policy
        actions(space.reach.encoding, policy)

    def steps(self, model: GraphModel) -> list[GraphModel]:
        """Return the neighbours that a step may lead to, sorted."""
        if self.policy == "rdb2g":
            return model.neighbours(self.policy, self.kinds)
        used = keys_used(model)
        return [
            neighbour
            for neighbour in model.neighbours(self.policy)
            if (keys_used(neighbour) - used) * self.towards >= 0
        ]

    def climb(self, found: Worth, rng: np.random.Generator) -> Generator[list[Trial], Scores, None]:
        """Ascend from the best of some models until no neighbour is better."""
        current = max(found, key=lambda model: found[model])
        while True:
            further = shuffled(self.steps(current), rng)
            around = (yield from self.ask(further)) if further else {}
            if max(around.values(), default=-np.inf) <= found[current]:
                return
            found, current = around, max(around, key=lambda model: around[model])


class GreedyForward(Greedy):
    """Every model of a single relation, then from the best of them by adding (GF).

    Where no single relation fits the task, it starts with the models of the fewest relations. Ends
    where no step is better.
    """

    kinds = ("add", "to_edges", "to_rows")
    towards = 1

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        start = yield from self.ask(shuffled(smallest(self.space), rng))
        yield from self.climb(start, rng)


class GreedyBackward(Greedy):
    """From all rows as nodes by removing (GB). Ends where no step is better.

    Raises: SchemaError: all rows as nodes do not fit the task.
    """

    kinds = ("remove", "to_edges", "to_rows")
    towards = -1

    def __init__(self, space: SpecSpace, **settings: Any) -> None:
        super().__init__(space, **settings)
        self.start = valid_all_rows(space)

    def rounds(self) -> Rounds:
        """See `Method`."""
        start = yield from self.ask([self.start])
        yield from self.climb(start, self.rng())


class GreedyLocal(Greedy):
    """From a random model by all actions, and from another when none is better (GL)."""

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        while True:
            start = yield from self.ask([self.space.sample(rng)])
            yield from self.climb(start, rng)


def smallest(space: SpecSpace) -> list[GraphModel]:
    """Return the models of a single relation, or, where none fits, of the fewest."""
    bits = [GraphModel(link.bit, space.reach) for link in space.reach.encoding.links]
    single = [model for model in bits if space.is_valid(model)]
    if single:
        return single
    sizes = np.array([mask.bit_count() for mask in space.masks.tolist()])
    return [space[int(position)] for position in np.flatnonzero(sizes == sizes.min())]


def keys_used(model: GraphModel) -> int:
    """Return how many foreign keys a model uses, both of each table drawn as edges."""
    return len(model.fkeys) + 2 * len(model.edge_tables)


def shuffled(models: list[GraphModel], rng: np.random.Generator) -> list[GraphModel]:
    """Return models in an order drawn at random."""
    return [models[position] for position in rng.permutation(len(models))]
