"""From a graph whose nodes carry vectors to predictions: inputs, graph network, head."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError, check_range
from hgl.typing import Metadata, NodeType


class AttributedModel(nn.Module):
    """Predict something about nodes of one type of a graph that is always the same.

    A type's attributes pass a linear map; the nodes of a type without any have a learnt vector
    each, which is what a linear map of one-hot vectors comes to.

    Args:
        metadata: node types and edge types of the graph.
        num_nodes: per node type.
        in_channels: attributes of each node type that has some; types left out learn vectors.
        target: node type that is predicted.
        out_channels: outputs per node.
        gnn: builds the graph network (a `PlanNetwork`) from `metadata` and `channels`.
        channels: width throughout.
        dropout: probability on the attributes, before the graph network and before the head.
        unit_outputs: scale each node's outputs to length 1, as SimpleHGN does (arXiv:2112.14936).
    Raises: SchemaError: a node type is not in the graph. ConfigError: a number is out of range.
    """

    def __init__(
        self,
        *,
        metadata: Metadata,
        num_nodes: Mapping[NodeType, int],
        in_channels: Mapping[NodeType, int],
        target: NodeType,
        out_channels: int,
        gnn: Callable[..., nn.Module],
        channels: int = 64,
        dropout: float = 0.0,
        unit_outputs: bool = False,
    ) -> None:
        super().__init__()
        self.node_types = sorted(metadata[0])
        for name, given in (("target", [target]), ("in_channels", in_channels)):
            if unknown := sorted(set(given) - set(self.node_types)):
                raise SchemaError(f"{name}: {unknown[0]!r} is not among {self.node_types}")
        check_range("channels", channels, 1)
        check_range("dropout", dropout, 0, 1)
        self.target, self.unit_outputs = target, unit_outputs
        self.inputs = nn.ModuleDict(
            {
                t: nn.Linear(in_channels[t], channels)
                if t in in_channels
                else nn.Embedding(num_nodes[t], channels)
                for t in self.node_types
            }
        )
        self.gnn = gnn(metadata, channels=channels)
        self.head = nn.Linear(channels, out_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: HeteroData) -> Tensor:
        """Return [batch_size, out_channels] for the nodes a batch of `WholeGraph` asks about."""
        x_dict = {t: self.dropout(self._input(t, batch)) for t in self.node_types}
        x = self.gnn.forward_plans(x_dict, batch.plans)[self.target]
        out = self.head(self.dropout(x[batch[self.target].asked]))
        return F.normalize(out) if self.unit_outputs else out

    def _input(self, node_type: NodeType, batch: HeteroData) -> Tensor:
        layer = self.inputs[node_type]
        if isinstance(layer, nn.Embedding):
            return layer.weight
        return layer(self.dropout(batch[node_type].x))
