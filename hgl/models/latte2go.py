"""LATTE2GO: LATTE with several orders per layer and a choice that sees what it chooses from.

Source: the successor of LATTE (Tran and Gao, arXiv:2009.08072), written from its equations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import chain

from hgl.errors import ConfigError, check_range
from hgl.models.meta_network import Composition, Merge, MetaNetwork
from hgl.nn.latte2go_conv import LATTE2GOConv
from hgl.nn.latte_conv import check_heads
from hgl.ops import MetaPath, MetaPaths, schema_walks
from hgl.typing import EdgeType, Metadata, NodeType


class LATTE2GO(MetaNetwork):
    """Layer t of `LATTE2GOConv` attends along the meta-relations of orders 1 to t.

    Left out are those of order 2 and more that go from a type to itself in some of their steps but
    not in all. There is no proximity loss.

    Args:
        metadata: node types and edge types.
        channels: width throughout, over all heads.
        num_layers: layers.
        heads: attention heads.
        max_order: longest meta-relations of any layer.
        whitelist: the meta-relations of order 2 and more that count, each a sequence of edge types
            in the direction messages take; None for all. One grows from the one without its first
            step, which therefore must count, too.
        dropout: probability after each layer.
        attention_dropout: probability on the attention within meta-relations.
        theta: attention that an edge needs to be composed further; see `LATTE`.
        edge_sampling: draw edges of an adjacency product; see `LATTE`.
        max_products: most terms of an adjacency product; more is an error.
        merge: how the vectors after all layers become one: `concat`, `last`, `mean` or `max`.
        norm: LayerNorm per node type after each layer.
        in_channels: input width per node type; None for inputs of `channels`.
        embeddings: per node type without features, how many nodes it has; see `LATTE`.
    Raises: ConfigError: a value is out of range, channels are not divisible by heads, or a
        meta-relation of `whitelist` cannot be reached.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        channels: int,
        num_layers: int = 2,
        heads: int = 8,
        max_order: int = 2,
        whitelist: Collection[Sequence[EdgeType]] | None = None,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        theta: float = 0.5,
        edge_sampling: bool = False,
        max_products: int = 2**25,
        merge: Merge = "concat",
        norm: bool = True,
        in_channels: Mapping[NodeType, int] | None = None,
        embeddings: Mapping[NodeType, int] | None = None,
    ) -> None:
        check_range("num_layers", num_layers, 1)
        check_range("max_order", max_order, 1)
        check_range("attention_dropout", attention_dropout, 0, 1)
        check_heads(channels, heads)
        super().__init__(
            metadata,
            _paths(metadata, num_layers, max_order, whitelist),
            partial(
                LATTE2GOConv, channels=channels, heads=heads, attention_dropout=attention_dropout
            ),
            channels=channels,
            composition=Composition(theta, edge_sampling, max_products),
            merge=merge,
            dropout=dropout,
            norm=norm,
            in_channels=in_channels,
            embeddings=embeddings,
        )


def _paths(
    metadata: Metadata,
    num_layers: int,
    max_order: int,
    whitelist: Collection[Sequence[EdgeType]] | None,
) -> list[MetaPaths]:
    """The meta-relations of each layer."""
    listed = {tuple((*e,) for e in path) for path in whitelist or ()}

    def admits(path: MetaPath) -> bool:
        return not _mixes_self_loops(path) and (whitelist is None or path in listed)

    by_order = schema_walks(metadata[1], min(num_layers, max_order), admits=admits)
    if lost := sorted(listed.difference(*by_order)):
        raise ConfigError(
            f"whitelist: {lost[0]} cannot be reached; expected a walk of order 2 to "
            f"{len(by_order)} through the schema that does not mix self-loops, without whose first "
            "step it is listed, too"
        )
    return [
        MetaPaths(metadata[0], [*chain(*by_order[:order])], order)
        for order in (min(layer, max_order) for layer in range(1, num_layers + 1))
    ]


def _mixes_self_loops(path: MetaPath) -> bool:
    return len({source == target for source, _, target in path}) == 2
