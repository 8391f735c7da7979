"""What LATTE chose and attended to, as tables (arXiv:2009.08072, section 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from hgl.models.meta_network import LayerAttention
from hgl.ops import MetaPath

SELF = "itself"
"""Stands for a meta-relation: the node's own vector."""


def path_name(path: MetaPath) -> str:
    """A meta-relation as people read it, in the direction messages take: `a -x-> b -y-> c`."""
    return path[0][0] + "".join(f" -{relation}-> {target}" for _, relation, target in path)


def meta_relation_weights(layers: Sequence[LayerAttention]) -> pd.DataFrame:
    """How much each node type leans on each meta-relation, layer by layer.

    Args:
        layers: from a LATTE's `attention` or `attention_plans`.
    Returns: one row per layer, receiving type and meta-relation (`SELF` among them): `layer` (from
        1), `receiver`, `meta_relation`, `sender`, `order` (steps; 0 for `SELF`), `nodes` that
        choose, `edges`, and `mean`, `median`, `std` of their weights, which sum to 1 per node.
    """
    rows = []
    for layer, node_type, choices in _choices(layers):
        described = {
            path_name(path): (path[0][0], len(path), layers[layer - 1].num_edges[path])
            for path in layers[layer - 1].columns[node_type]
        } | {SELF: (node_type, 0, len(choices))}
        for name, (sender, order, edges) in described.items():
            weight = choices[name]
            rows.append(
                {
                    "layer": layer,
                    "receiver": node_type,
                    "meta_relation": name,
                    "sender": sender,
                    "order": order,
                    "nodes": len(weight),
                    "edges": edges,
                    "mean": weight.mean(),
                    "median": weight.median(),
                    "std": weight.std(ddof=0),
                }
            )
    return pd.DataFrame(rows)


def node_choices(layers: Sequence[LayerAttention]) -> pd.DataFrame:
    """Every node's weight of every meta-relation: `layer`, `receiver`, `node`, `meta_relation`,
    `weight`. Nodes are numbered as in the graph, or the batch, that was attended to.
    """
    frames = [
        choices.rename_axis("node")
        .reset_index()
        .melt("node", var_name="meta_relation", value_name="weight")
        .assign(layer=layer, receiver=node_type)
        for layer, node_type, choices in _choices(layers)
    ]
    columns = ["layer", "receiver", "node", "meta_relation", "weight"]
    return pd.concat(frames, ignore_index=True)[columns]


def edge_attention(layers: Sequence[LayerAttention]) -> pd.DataFrame:
    """Attention within each meta-relation, the mean over heads: `layer`, `meta_relation`, `sender`,
    `receiver` (numbers of nodes) and `weight`, which sums to 1 over the senders of a receiver.
    """
    frames = [
        pd.DataFrame(
            {
                "layer": layer,
                "meta_relation": path_name(path),
                "sender": part.edge_index[0].cpu().numpy(),
                "receiver": part.edge_index[1].cpu().numpy(),
                "weight": part.alpha.detach().float().mean(1).cpu().numpy(),
            }
        )
        for layer, attention in enumerate(layers, 1)
        for path, part in attention.alpha.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _choices(layers: Sequence[LayerAttention]) -> Iterator[tuple[int, str, pd.DataFrame]]:
    """Layer, node type and [nodes, meta-relations and itself], for types with nodes."""
    for layer, attention in enumerate(layers, 1):
        for node_type, beta in attention.beta.items():
            if len(beta):
                names = [path_name(path) for path in attention.columns[node_type]]
                weights = beta.detach().float().cpu().numpy()
                yield layer, node_type, pd.DataFrame(weights, columns=[*names, SELF])
