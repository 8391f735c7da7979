"""Walks through the schema: the meta-relations that LATTE's layers attend over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hgl.typing import EdgeType, NodeType

MetaPath = tuple[EdgeType, ...]
"""Edge types in the direction messages take, as in PyG: `path[0][0]` sends, `path[-1][2]` receives.

Its order is its length.
"""


class MetaPaths:
    """Meta-relations numbered for a layer: by receiving type, then as they are sorted.

    Args:
        node_types: all of them; sorted here.
        paths: of any orders, each once.
        order: steps of the longest; None to see. A schema whose walks end sooner may have none.
    """

    def __init__(
        self, node_types: Sequence[NodeType], paths: Sequence[MetaPath], order: int | None = None
    ) -> None:
        self.order = max(map(len, paths), default=1) if order is None else order
        self.node_types = sorted(node_types)
        self.paths = [p for t in self.node_types for p in sorted(paths) if p[-1][2] == t]
        self.number = {path: i for i, path in enumerate(self.paths)}
        self.receiving = {
            t: [i for i, p in enumerate(self.paths) if p[-1][2] == t] for t in self.node_types
        }
        """Numbers of the meta-relations that lead to each type; they follow one another."""
        self.sending = {
            t: [i for i, p in enumerate(self.paths) if p[0][0] == t] for t in self.node_types
        }
        """Numbers of the meta-relations that start at each type."""

    def __len__(self) -> int:
        return len(self.paths)

    def extensions(self, first: MetaPaths, following: MetaPaths) -> list[list[int]]:
        """[meta-relations][relations]: number in `following` of "the relation, then the path".

        -1 where `following` has no such path, or the two do not meet.
        """
        return [
            [following.number.get((*relation, *path), -1) for relation in first.paths]
            for path in self.paths
        ]


def schema_walks(
    edge_types: Sequence[EdgeType],
    order: int,
    *,
    admits: Callable[[MetaPath], bool] = lambda path: True,
) -> list[list[MetaPath]]:
    """All walks through the schema, those of each order from 1 to `order`.

    Walks grow at the sending end, as adjacency products do: one that is not admitted is not grown.

    Args:
        edge_types: of the graph.
        order: steps of the longest walks.
        admits: says of a walk of order 2 or more whether it counts.
    Returns: [order] lists of meta-relations; without `admits`, list t has 1ᵀBᵗ1 of them, with B
        the schema's matrix of how many relations lead from type to type.
    """
    found: list[list[MetaPath]] = [[(e,) for e in sorted(edge_types)]]
    for _ in range(order - 1):
        grown = [
            (relation, *path)
            for path in found[-1]
            for (relation,) in found[0]
            if relation[2] == path[0][0]
        ]
        found.append([path for path in grown if admits(path)])
    return found
