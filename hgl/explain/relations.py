"""Which relations R-HGNN's nodes lean on, as a table (arXiv:2105.11122, section 5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from torch import Tensor

from hgl.ops import by_target
from hgl.typing import EdgeType, NodeType


def relation_weights(
    weights: Mapping[NodeType, Tensor], edge_types: Sequence[EdgeType]
) -> pd.DataFrame:
    """What an `RHGNN` weighs the relations of each node by, the mean over heads.

    Args:
        weights: from `RHGNN.relation_weights` or `RHGNN.relation_weights_plans`.
        edge_types: of the network.
    Returns: one row per node and relation that enters its type: `node_type`, `node`, `relation`
        (as `source -relation-> target`) and `weight`, which sums to 1 per node.
    """
    frames = []
    for node_type in sorted(weights):
        mean = weights[node_type].detach().float().mean(2).cpu().numpy()
        for (source, relation, _), weight in zip(
            by_target([node_type], sorted(edge_types)), mean, strict=True
        ):
            frames.append(
                pd.DataFrame(
                    {
                        "node_type": node_type,
                        "node": range(len(weight)),
                        "relation": f"{source} -{relation}-> {node_type}",
                        "weight": weight,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)
