"""Evolution by mutation alone, as RDB2G-Bench runs it (arXiv:2506.01360)."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from hgl.errors import check_range
from hgl.search.actions import ActionPolicy, actions
from hgl.search.method import Method, Rounds
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace


class Evolution(Method):
    """Each step mutates every member by one random action; the best child replaces the oldest.

    Differs from the published code: what it starts with counts against the budget.

    Args:
        population: members.
        policy: which actions there are.
    Raises: ConfigError: the population is below 1, or the policy unknown.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        population: int = 10,
        policy: ActionPolicy = "repair",
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("population", population, 1)
        actions(space.reach.encoding, policy)
        self.population = population
        self.policy = policy

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng = self.rng()
        size = min(self.population, self.space.count)
        first = rng.choice(self.space.count, size, replace=False)
        members = deque(self.space[int(position)] for position in first)
        yield from self.ask(members)
        while True:
            children = yield from self.ask(self.mutate(member, rng) for member in members)
            members.popleft()
            members.append(max(children, key=lambda child: children[child]))

    def mutate(self, model: GraphModel, rng: np.random.Generator) -> GraphModel:
        """Return a random neighbour; the model itself where it has none."""
        around = model.neighbours(self.policy)
        return around[int(rng.integers(len(around)))] if around else model
