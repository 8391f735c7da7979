"""HeteroGraphSAGE against a per-relation loop, and its behaviour under reordering."""

from __future__ import annotations

import pytest
import torch

from hgl.errors import ConfigError
from hgl.models.sage import HeteroGraphSAGE, SAGEConv
from hgl.ops import RelationPlan
from tests.ops.test_plan import EDGE_TYPES, NUM_NODES, random_edges

METADATA = (list(NUM_NODES), EDGE_TYPES)


def loop_conv(conv: SAGEConv, x_dict: dict, edges: dict) -> dict:
    out = {}
    for position, node_type in enumerate(conv.node_types):
        rows = conv.root[position](x_dict[node_type]).clone()
        for edge_type in conv.edge_types:
            if edge_type[2] != node_type:
                continue
            weight = conv.neighbour[conv.edge_types.index(edge_type)]
            for node in range(NUM_NODES[node_type]):
                source, target = edges[edge_type]
                neighbours = x_dict[edge_type[0]][source[target == node]]
                if not len(neighbours):
                    continue
                pooled = neighbours.sum(0) if conv.aggr == "sum" else neighbours.mean(0)
                rows[node] += pooled @ weight
        out[node_type] = rows
    return out


@pytest.mark.parametrize("aggr", ["sum", "mean"])
def test_conv_equals_a_loop_over_relations_and_nodes(aggr: str):
    torch.manual_seed(0)
    conv = SAGEConv(METADATA, channels=4, aggr=aggr).double()
    x_dict = {t: torch.randn(n, 4, dtype=torch.float64) for t, n in NUM_NODES.items()}
    edges = random_edges()
    plan = RelationPlan.from_edges(edges, NUM_NODES, EDGE_TYPES)
    out, expected = conv(x_dict, plan), loop_conv(conv, x_dict, edges)
    for node_type in NUM_NODES:
        torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_insertion_order_of_the_dicts_changes_nothing():
    model = HeteroGraphSAGE(METADATA, channels=4).eval()
    x_dict = {t: torch.randn(n, 4) for t, n in NUM_NODES.items()}
    edges = random_edges()
    turned = model(dict(reversed(x_dict.items())), dict(reversed(edges.items())))
    for node_type, x in model(x_dict, edges).items():
        assert torch.equal(x, turned[node_type])


def test_renumbering_the_nodes_of_a_type_renumbers_its_output():
    torch.manual_seed(1)
    model = HeteroGraphSAGE(METADATA, channels=4).double().eval()
    x_dict = {t: torch.randn(n, 4, dtype=torch.float64) for t, n in NUM_NODES.items()}
    edges = random_edges()
    order = torch.tensor([3, 1, 0, 2])
    moved = {**x_dict, "b": x_dict["b"][order]}
    position = order.argsort()
    renamed = {
        e: torch.stack(
            [
                position[ends[0]] if e[0] == "b" else ends[0],
                position[ends[1]] if e[2] == "b" else ends[1],
            ]
        )
        for e, ends in edges.items()
    }
    torch.testing.assert_close(model(moved, renamed)["b"], model(x_dict, edges)["b"][order])


def test_gradients_reach_every_parameter():
    model = HeteroGraphSAGE(METADATA, channels=4)
    edges = {**random_edges(), ("c", "z", "b"): torch.tensor([[0, 1], [2, 2]])}
    out = model({t: torch.randn(n, 4) for t, n in NUM_NODES.items()}, edges)
    sum(x.square().sum() for x in out.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name


def test_an_unknown_aggregation_is_refused():
    with pytest.raises(ConfigError, match="aggr='max'"):
        SAGEConv(METADATA, channels=4, aggr="max")
