"""Attributes of edges as nodes, for networks that read nodes only."""

from __future__ import annotations

import torch
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.typing import reverse_of


def edges_as_nodes(data: HeteroData) -> HeteroData:
    """Give each edge that has an `edge_attr` a node with it, a neighbour of the edge's target.

    The edges stay. In a sum or mean over neighbours this is one linear map of source and attribute
    side by side, for any network here or of PyG's. `SeedLoader` does the same with the rows of
    tables drawn as edges.

    Args:
        data: a graph; left as it is. An edge type (a, r, b) with `edge_attr` ([num_edges,
            channels]) brings the node type `a r b`, with `x`, and its relations `row` to b and
            `rev_row`, which is empty, back.
    Raises: SchemaError: `edge_attr` has no row per edge, or the graph has that node type already.
    """
    out = data.clone()
    for edge_type in data.edge_types:
        store = data[edge_type]
        if "edge_attr" not in store:
            continue
        name, target = " ".join(edge_type), edge_type[2]
        if store.edge_attr.shape[:1] != (store.edge_index.shape[1],):
            raise SchemaError(
                f"edge_attr of {edge_type} has shape {list(store.edge_attr.shape)}: expected a row "
                f"for each of {store.edge_index.shape[1]} edges"
            )
        if name in data.node_types:
            raise SchemaError(f"node type {name!r}: expected a name that the graph does not have")
        edges = torch.arange(store.edge_index.shape[1], device=store.edge_index.device)
        row = (name, "row", target)
        out[name].x = store.edge_attr
        out[row].edge_index = torch.stack([edges, store.edge_index[1]])
        out[reverse_of(row)].edge_index = store.edge_index.new_zeros(2, 0)
        del out[edge_type].edge_attr
    return out
