"""Full-batch training: a graph that is one batch, for the trainer there is."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError, check_range
from hgl.ops import RelationPlan, check_numbers
from hgl.typing import NodeType


@dataclass(frozen=True, eq=False)
class Nodes:
    """Nodes that are asked about, where a `SeedLoader` has its seed table.

    Attributes:
        entity: [n] int64 nodes.
        target: [n] their `y`.
    """

    entity: np.ndarray
    target: np.ndarray


class WholeGraph:
    """A graph laid out once for the kernels, and loaders that ask about some of its nodes.

    Args:
        data: node vectors, labels, masks and `edge_index` per edge type; on any device.
        node_type: that is asked about; has `y`.
        num_hops: that the network takes, its `num_hops`.
    Raises: SchemaError: the type has no labels, node vectors are NaN, or an edge leads to a node
            that is not there.
    """

    def __init__(self, data: HeteroData, node_type: NodeType, *, num_hops: int) -> None:
        check_range("num_hops", num_hops, 1)
        if node_type not in data.node_types or "y" not in data[node_type]:
            raise SchemaError(f"node_type={node_type!r}: expected a node type with labels y")
        for name, x in data.collect("x", allow_empty=True).items():
            check_numbers(f"data[{name!r}].x", x)
        self.data, self.node_type = data, node_type
        self.plans = _plans(data, node_type, num_hops)

    def loader(self, split: str) -> WholeGraphLoader:
        """Ask about the nodes of the mask `<split>_mask`.

        Raises: SchemaError: there is no such mask, or nothing in it.
        """
        store, mask = self.data[self.node_type], f"{split}_mask"
        if mask not in store or not bool(store[mask].any()):
            raise SchemaError(f"split={split!r}: expected nodes of {self.node_type!r} in {mask}")
        return WholeGraphLoader(self, store[mask].nonzero()[:, 0])


class WholeGraphLoader:
    """Iterates once: over the whole graph, as PyG's HeteroData.

    The batch also has `plans` (one `RelationPlan` per hop), and its asked-about node type
    `asked` ([B] nodes), their `y` ([B]), `input_id` ([B] positions among them) and `batch_size`.
    """

    def __init__(self, graph: WholeGraph, asked: Tensor) -> None:
        store = graph.data[graph.node_type]
        self.seeds = Nodes(asked.cpu().numpy(), store.y[asked].cpu().numpy())
        self.batch = copy.copy(graph.data)
        self.batch.plans = graph.plans
        seen = self.batch[graph.node_type]
        seen.asked, seen.y, seen.batch_size = asked, store.y[asked], len(asked)
        seen.input_id = torch.arange(len(asked), device=asked.device)

    def __len__(self) -> int:
        """The one batch of an epoch."""
        return 1

    def set_epoch(self, epoch: int, step: int = 0) -> None:
        """Nothing depends on the epoch."""

    def __iter__(self) -> Generator[HeteroData, None, None]:
        """Yield the graph."""
        yield self.batch


def _plans(data: HeteroData, node_type: NodeType, num_hops: int) -> list[RelationPlan]:
    """A plan per hop, without the types that no later hop asks for."""
    num_nodes = {t: data[t].num_nodes for t in sorted(data.node_types)}
    edge_types = sorted(data.edge_types)
    asked, plans = {node_type}, list[RelationPlan]()
    for hop in reversed(range(num_hops)):
        edges = {e: data[e].edge_index for e in edge_types if e[2] in asked}
        num_dst = {t: n if t in asked else 0 for t, n in num_nodes.items()}
        asked = asked | {e[0] for e in edges} if hop else set(num_nodes)
        num_src = {t: n if t in asked else 0 for t, n in num_nodes.items()}
        plans.append(RelationPlan.from_edges(edges, num_src, edge_types, num_dst=num_dst))
    return plans[::-1]
