"""Models drawn at random."""

from __future__ import annotations

from hgl.search.method import Method, Rounds

ROUND = 64
"""Models drawn at once; no score changes the next."""


class Random(Method):
    """Every model once, in an order drawn at random: uniform without replacement."""

    def rounds(self) -> Rounds:
        """See `Method`."""
        order = self.rng().permutation(self.space.count)
        for start in range(0, len(order), ROUND):
            yield from self.ask(self.space[int(p)] for p in order[start : start + ROUND])
