"""Models that somebody has listed, tried once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hgl.search.method import Method, Rounds
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace


class Listed(Method):
    """Run some models at the last rung, and nothing else.

    Args:
        models: in the order to be asked.
    """

    def __init__(self, space: SpecSpace, models: Sequence[GraphModel], **settings: Any) -> None:
        super().__init__(space, **settings)
        self.models = models

    def rounds(self) -> Rounds:
        """See `Method`."""
        yield from self.ask(self.models)
