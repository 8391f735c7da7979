"""What edges carry reaches their targets, in any network."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.graph.edge_attributes import edges_as_nodes
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import SAGEConv
from hgl.ops import RelationPlan

FORTH, BACK = ("user", "likes", "item"), ("item", "rev_likes", "user")
ROW = ("user likes item", "row", "item")


def likes() -> HeteroData:
    torch.manual_seed(0)
    data = HeteroData()
    data["user"].x, data["item"].x = torch.randn(3, 4), torch.randn(2, 4)
    ends = torch.tensor([[0, 1, 2, 2], [1, 0, 0, 1]])
    data[FORTH].edge_index, data[FORTH].edge_attr = ends, torch.randn(4, 4)
    data[BACK].edge_index = ends.flip(0)
    return data


def test_a_sum_is_one_linear_map_of_source_and_attribute() -> None:
    data = likes()
    wide = edges_as_nodes(data)
    assert set(data.node_types) == {"user", "item"}
    assert wide.validate()
    conv = SAGEConv(wide.metadata(), channels=4)
    plan = RelationPlan.from_edges(
        wide.edge_index_dict, {t: len(wide[t].x) for t in sorted(wide.node_types)}, conv.edge_types
    )
    out = conv(wide.x_dict, plan)["item"]
    weight, bias_free = dict(zip(conv.edge_types, conv.neighbour, strict=True)), conv.node_types
    root = conv.root[bias_free.index("item")](data["item"].x)
    source, target = data[FORTH].edge_index
    side_by_side = torch.cat([data["user"].x[source], data[FORTH].edge_attr], 1)
    messages = side_by_side @ torch.cat([weight[FORTH], weight[ROW]])
    torch.testing.assert_close(out, root.index_add(0, target, messages), rtol=1e-5, atol=1e-5)


def test_attributes_change_what_their_targets_get() -> None:
    data = likes()
    wide = edges_as_nodes(data)
    net = RHGNN(wide.metadata(), channels=4, heads=2, relation_channels=2).eval()
    before = net(wide.x_dict, wide.edge_index_dict)
    data[FORTH].edge_attr[1] += 1
    changed = edges_as_nodes(data)
    after = net(changed.x_dict, changed.edge_index_dict)
    assert not torch.equal(before["item"][0], after["item"][0])
    assert torch.equal(before["item"][1], after["item"][1])  # three hops away


def test_attributes_that_do_not_fit() -> None:
    data = likes()
    data[FORTH].edge_attr = torch.randn(3, 4)
    with pytest.raises(SchemaError, match=r"'likes', 'item'\) has shape \[3, 4\].*each of 4 edges"):
        edges_as_nodes(data)
    data = likes()
    data["user likes item"].x = torch.randn(1, 4)
    with pytest.raises(SchemaError, match="'user likes item'"):
        edges_as_nodes(data)
