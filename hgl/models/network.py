"""What every graph network here is: layers that run on plans, hence on batches and on graphs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from hgl.errors import check_range
from hgl.ops import RelationPlan, canonical, check_features
from hgl.typing import EdgeType, Metadata, NodeType


class GraphNetwork(nn.Module, ABC):
    """A graph network over canonical types; each layer takes the next `hops_per_layer` plans.

    Args:
        metadata: node types and edge types, in any order.
        num_layers: layers.
        num_hops: hops after which a batch gives its seeds what the whole graph would; None for as
            many as the layers take plans.
    Attributes:
        node_types, edge_types: sorted.
        num_hops: see above.
    Raises: SchemaError: the metadata contradicts itself. ConfigError: a number is out of range.
    """

    hops_per_layer: ClassVar[int] = 1

    def __init__(self, metadata: Metadata, *, num_layers: int, num_hops: int | None = None) -> None:
        super().__init__()
        check_range("num_layers", num_layers, 1)
        self.num_layers = num_layers
        self.num_hops = num_hops or num_layers * self.hops_per_layer
        self.node_types, self.edge_types = canonical(metadata)

    @abstractmethod
    def forward_plans(
        self, x_dict: dict[NodeType, Tensor], plans: Sequence[RelationPlan]
    ) -> dict[NodeType, Tensor]:
        """Run on the plans of a batch, which shrink towards its seeds.

        Args:
            x_dict: [plans[0].num_src[t], channels] per node type t.
            plans: `hops_per_layer` for each layer.
        Returns: [plans[-1].num_dst[t], channels] per node type t.
        Raises: ConfigError: there are not as many plans as the layers take.
        """

    def forward(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Tensor]
    ) -> dict[NodeType, Tensor]:
        """Run on any heterogeneous graph; the order of the mappings changes nothing.

        Args:
            x_dict: [num_nodes, channels] per node type.
            edge_index_dict: [2, num_edges] int64 per edge type; an absent one counts as empty.
        Returns: [num_nodes, channels] per node type, also for those that receive nothing.
        Raises: SchemaError: the types are not those of `metadata`, features are NaN, or an edge
            leads nowhere.
        """
        plans = self.whole_graph(x_dict, edge_index_dict)
        return self.forward_plans({t: x_dict[t] for t in self.node_types}, plans)

    def whole_graph(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Tensor]
    ) -> list[RelationPlan]:
        """The plans of a graph that is not sampled, the same for every hop; raises as `forward`."""
        check_features("x_dict", x_dict, self.node_types)
        num_nodes = {t: len(x_dict[t]) for t in self.node_types}
        plan = RelationPlan.from_edges(edge_index_dict, num_nodes, self.edge_types)
        return [plan] * (self.num_layers * self.hops_per_layer)


def targets(x: Tensor, count: int) -> Tensor:
    """The rows that stay where a batch narrows: the first `count`.

    A slice's gradient zero-fills the whole tensor, so nothing is sliced where nothing is cut off.
    """
    return x if len(x) == count else x[:count]
