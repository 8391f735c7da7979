"""Numbers for (node, meta-relation) pairs: of receivers, the groups; of senders, score rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from hgl.ops.meta_paths import MetaPaths
from hgl.typing import NodeType


class MetaPairs:
    """Pairs at one end, numbered by node type, then node, then meta-relation.

    Args:
        ends: node type at this end, per meta-relation.
        members: numbers of the meta-relations with this end at a type, per type.
        num_nodes: nodes per type, in canonical order.
        device: of the tensors.
    """

    def __init__(
        self,
        ends: Sequence[NodeType],
        members: Mapping[NodeType, Sequence[int]],
        num_nodes: Mapping[NodeType, int],
        device: torch.device,
    ) -> None:
        rows = [n * len(members[t]) for t, n in num_nodes.items()]
        bounds = [0, *accumulate(rows)]
        self.first = dict(zip(num_nodes, bounds, strict=False))
        """Where the pairs of each type begin."""
        self.count = bounds[-1]
        base = [self.first[t] + members[t].index(i) for i, t in enumerate(ends)]
        step = [len(members[t]) for t in ends]
        self._base, self._step = (
            torch.tensor(x, dtype=torch.int64, device=device) for x in (base, step)
        )

    @classmethod
    def received(
        cls, paths: MetaPaths, num_dst: Mapping[NodeType, int], device: torch.device
    ) -> MetaPairs:
        """Of the nodes that meta-relations lead to."""
        return cls([p[-1][2] for p in paths.paths], paths.receiving, num_dst, device)

    @classmethod
    def sent(
        cls, paths: MetaPaths, num_src: Mapping[NodeType, int], device: torch.device
    ) -> MetaPairs:
        """Of the nodes that meta-relations start at."""
        return cls([p[0][0] for p in paths.paths], paths.sending, num_src, device)

    def number(self, node: Tensor, relation: Tensor) -> Tensor:
        """[n] nodes, counted within their type, and meta-relations, to [n] pairs."""
        return self._base[relation] + node * self._step[relation]

    def node(self, pair: Tensor, relation: Tensor) -> Tensor:
        """[n] pairs and their meta-relations to [n] nodes, counted within their type."""
        return (pair - self._base[relation]) // self._step[relation]
