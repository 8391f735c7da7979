"""What the predictions of a batch lean on, in shares that sum to 1."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch_geometric.data import HeteroData

from hgl.explain.attention import meta_relation_weights
from hgl.explain.attribution import Columns, attribute
from hgl.explain.relations import relation_weights
from hgl.models.meta_network import MetaNetwork
from hgl.models.relational import RelationalModel, batch_plans
from hgl.models.rhgnn import RHGNN
from hgl.typing import NodeType

Shares = list[tuple[str, float]]
"""Names and shares, the largest first."""


def column_shares(
    model: RelationalModel,
    batch: HeteroData,
    background: Mapping[NodeType, Columns],
    *,
    num_steps: int = 16,
) -> Shares:
    """Return how much each column moves the predictions: the size of its attributions.

    Args: see `attribute`.
    """
    cells = attribute(model, batch, background, num_steps=num_steps)
    places = cells["table"] + "." + cells["column"]
    return _ordered(cells["attribution"].abs().groupby(places).sum())


def relation_shares(model: RelationalModel, batch: HeteroData) -> Shares | None:
    """Return the weights of what reaches a seed, as the network gives them.

    Returns: of relations for an `RHGNN`, of meta-relations of the last layer for a LATTE and its
        kin, the mean over seeds; None for a network that has no such weights.
    """
    network, entity = model.gnn, model.entity_table
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            x_dict, plans = model.encode(batch), batch_plans(batch, model.edge_types)
            if isinstance(network, RHGNN):
                weights = network.relation_weights_plans(x_dict, plans)
                found = relation_weights({entity: weights[entity]}, network.edge_types)
                return _ordered(found.groupby("relation")["weight"].mean())
            if isinstance(network, MetaNetwork):
                told = meta_relation_weights(network.attention_plans(x_dict, plans))
                last = told[(told["layer"] == told["layer"].max()) & (told["receiver"] == entity)]
                return _ordered(last.set_index("meta_relation")["mean"])
    finally:
        model.train(training)
    return None


def _ordered(sizes: pd.Series) -> Shares:
    total = float(sizes.sum()) or 1.0
    ordered = sizes.sort_values(ascending=False, kind="stable")
    return [(str(name), float(size) / total) for name, size in ordered.items()]
