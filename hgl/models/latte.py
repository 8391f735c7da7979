"""LATTE: layer-stacked attention for heterogeneous network embedding.

Source: Tran and Gao, arXiv:2009.08072. Written from its equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from hgl.errors import check_range
from hgl.models.meta_network import Composition, Merge, MetaNetwork
from hgl.nn.latte_conv import LATTEConv, check_heads
from hgl.nn.proximity import Omega
from hgl.ops import MetaPaths, schema_walks
from hgl.typing import Metadata, NodeType


class LATTE(MetaNetwork):
    """Layer t of `LATTEConv` attends along the meta-relations of order t exactly.

    Shorter meta-relations reach the output through the vectors of earlier layers, and because the
    output takes in every layer's. Layers 1 to t together take t(t + 1)/2 steps: a batch of as many
    hops gives its seeds what the whole graph would. With fewer, down to t, its outermost nodes
    start from themselves alone, in training as in prediction.

    Differs from the reference: the best edge that is always composed further is each receiver's
    own, and the second factor of a product is the graph's relation, not the part attended to.

    Args:
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: longest meta-relations.
        heads: attention heads.
        dropout: probability after each layer.
        attention_dropout: probability on the attention within meta-relations.
        theta: attention, over heads the largest, that an edge needs to be composed further; each
            receiver's best edge along a meta-relation always is.
        edge_sampling: draw edges of an adjacency product, no more than either factor has; a batch
            then no longer equals the whole graph.
        max_products: most terms of an adjacency product, about 64 bytes each; more is an error.
        merge: how the vectors after all layers become one: `concat` (then mapped to `channels`),
            `last`, `mean` or `max`.
        norm: LayerNorm per node type after each layer.
        renormalise: give meta-relations in which a node has no edges no weight.
        proximity: weight of the proximity loss, which training attaches to the output (see
            `attach_loss`); the paper's is 1.
        omega: weight of an edge in it: `one`, `attention` or `detached` attention.
        negatives: pairs without an edge per edge in it.
        in_channels: input width per node type, each mapped to `channels`, then a ReLU; None for
            inputs of that width already.
        embeddings: per node type without features, how many nodes it has; its input is then [nodes]
            int64 numbers of nodes.
    Raises: ConfigError: a value is out of range, or channels are not divisible by heads.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        heads: int = 2,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        theta: float = 0.5,
        edge_sampling: bool = False,
        max_products: int = 2**25,
        merge: Merge = "concat",
        norm: bool = False,
        renormalise: bool = False,
        proximity: float = 0.0,
        omega: Omega = "attention",
        negatives: int = 2,
        in_channels: Mapping[NodeType, int] | None = None,
        embeddings: Mapping[NodeType, int] | None = None,
    ) -> None:
        check_range("num_layers", num_layers, 1)
        check_range("attention_dropout", attention_dropout, 0, 1)
        check_heads(channels, heads)
        conv = partial(
            LATTEConv,
            channels=channels,
            heads=heads,
            attention_dropout=attention_dropout,
            renormalise=renormalise,
            proximity=proximity > 0,
            omega=omega,
            negatives=negatives,
        )
        super().__init__(
            metadata,
            [
                MetaPaths(metadata[0], paths, order)
                for order, paths in enumerate(schema_walks(metadata[1], num_layers), 1)
            ],
            conv,
            channels=channels,
            composition=Composition(theta, edge_sampling, max_products),
            merge=merge,
            dropout=dropout,
            norm=norm,
            proximity=proximity,
            in_channels=in_channels,
            embeddings=embeddings,
        )
