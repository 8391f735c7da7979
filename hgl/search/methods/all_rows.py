"""The usual heuristic, as a search of one trial."""

from __future__ import annotations

from typing import Any

from hgl.errors import SchemaError
from hgl.search.method import Method, Rounds
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace


class AllRows(Method):
    """All rows nodes, all foreign keys kept, and nothing else tried (AR2N).

    Raises: SchemaError: that model does not fit the task.
    """

    def __init__(self, space: SpecSpace, **settings: Any) -> None:
        super().__init__(space, **settings)
        self.start = valid_all_rows(space)

    def rounds(self) -> Rounds:
        """See `Method`."""
        yield from self.ask([self.start])


def valid_all_rows(space: SpecSpace) -> GraphModel:
    """Return the model with all rows nodes.

    Raises: SchemaError: it does not fit the task: rows make the way to the destination too long.
    """
    model = space.all_rows
    if not space.is_valid(model):
        raise SchemaError(
            f"all rows as nodes leave destination={space.reach.destination!r} more than "
            f"num_hops={space.reach.num_hops} from {space.reach.entity_table!r}: expected a method "
            "that starts elsewhere, such as GreedyForward or Surrogate"
        )
    return model
