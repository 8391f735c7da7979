"""R-GCN, HAN and HGT on plans equal PyG's layers, called in the order in which those are right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch_geometric
from torch import Tensor, nn
from torch_geometric.nn import HANConv as PyGHANConv
from torch_geometric.nn import HGTConv as PyGHGTConv
from torch_geometric.nn import RGCNConv as PyGRGCNConv
from torch_geometric.nn.dense import linear

from hgl.models.han import HAN, HANConv
from hgl.models.hgt import HGT, HGTConv
from hgl.models.pyg import PyGNetwork, hetero_sage
from hgl.models.rgcn import RGCN, RGCNConv
from hgl.ops import by_target
from hgl.typing import EdgeType
from tests.models.test_networks import jittered, pyg_hgt
from tests.models.test_rhgnn import CHANNELS, EDGE_TYPES, METADATA, NUM_NODES, graph

HEADS = 2
SLOTS = by_target(METADATA[0], EDGE_TYPES)
"""The edge types as our layers number them."""


def pyg_rgcn(conv: RGCNConv) -> nn.Module:
    """PyG's layer with the weights of ours, on the graph made homogeneous."""
    bases = None if conv.share is None else conv.share.shape[1]
    other = PyGRGCNConv(CHANNELS, CHANNELS, len(SLOTS), num_bases=bases).double()
    other.weight, other.root, other.bias = conv.weight, conv.root, conv.bias
    if conv.share is not None:
        other.comp = conv.share
    return other


def homogeneous(x_dict: dict[str, Tensor], edges: dict[EdgeType, Tensor]) -> tuple[Tensor, ...]:
    first, starts = 0, {}
    for node_type in METADATA[0]:
        starts[node_type] = first
        first += NUM_NODES[node_type]
    ends = [
        torch.stack([ends[0] + starts[e[0]], ends[1] + starts[e[2]]])
        for e, ends in ((e, edges[e]) for e in SLOTS)
    ]
    kinds = torch.arange(len(SLOTS)).repeat_interleave(torch.tensor([e.shape[1] for e in ends]))
    return torch.cat([x_dict[t] for t in METADATA[0]]), torch.cat(ends, 1), kinds


def pyg_han(conv: HANConv) -> nn.Module:
    other = PyGHANConv(CHANNELS, CHANNELS, METADATA, heads=HEADS).double()
    for node_type, project in zip(METADATA[0], conv.project, strict=True):
        other.proj[node_type].weight, other.proj[node_type].bias = project.weight, project.bias
    for i, edge_type in enumerate(SLOTS):
        other.lin_src["__".join(edge_type)] = nn.Parameter(conv.of_src[i].detach()[None])
        other.lin_dst["__".join(edge_type)] = nn.Parameter(conv.of_dst[i].detach()[None])
    other.k_lin, other.q = conv.key, nn.Parameter(conv.query.detach()[None])
    return other


def full_hgt(conv: HGTConv) -> nn.Module:
    other = PyGHGTConv(CHANNELS, CHANNELS, METADATA, heads=HEADS).double()
    for i, node_type in enumerate(METADATA[0]):
        ours = zip(*(m.state_dict().values() for m in (conv.key_value[i], conv.query[i])))
        for theirs, (both, query) in zip(other.kqv_lin.lins[node_type].parameters(), ours):
            key, value = both.chunk(2)
            theirs.data = torch.cat([key, query, value])
        other.out_lin.lins[node_type].load_state_dict(conv.out[i].state_dict())
        other.skip[node_type] = nn.Parameter(conv.gate[i : i + 1].detach())
    order = [SLOTS.index(e) for e in EDGE_TYPES]
    for theirs, ours in ((other.k_rel, conv.key), (other.v_rel, conv.value)):
        stacked = ours.detach()[order].transpose(0, 1).flatten(0, 1)
        assert theirs.weight.shape == stacked.shape
        theirs.weight = nn.Parameter(stacked)
    for i, edge_type in enumerate(SLOTS):
        other.p_rel["__".join(edge_type)] = nn.Parameter(conv.prior[i].detach()[None])
    return other


def assert_equal(out: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(out) == list(expected)
    for node_type, x in expected.items():
        torch.testing.assert_close(out[node_type], x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bases", [None, 2])
@pytest.mark.parametrize("seed", range(3))
def test_rgcn_equals_pygs_on_the_homogeneous_graph(bases: int | None, seed: int):
    net = jittered(RGCN(METADATA, channels=CHANNELS, num_bases=bases))
    x_dict, edges = graph(seed)
    x, edge_index, kinds = homogeneous(x_dict, edges)
    x = pyg_rgcn(net.convs[0])(x, edge_index, kinds).relu()
    x = pyg_rgcn(net.convs[1])(x, edge_index, kinds)
    parts = x.split([NUM_NODES[t] for t in METADATA[0]])
    assert_equal(net(x_dict, edges), dict(zip(METADATA[0], parts, strict=True)))


@pytest.mark.parametrize("seed", range(3))
def test_han_equals_pygs(seed: int):
    net = jittered(HAN(METADATA, channels=CHANNELS, heads=HEADS))
    x_dict, edges = graph(seed)
    expected = x_dict
    for conv in net.convs:
        found = pyg_han(conv)(expected, {e: edges[e] for e in EDGE_TYPES})
        assert found["lonely"] is None
        expected = {t: expected[t] if x is None else x for t, x in found.items()}
    assert_equal(net(x_dict, edges), expected)


@pytest.mark.parametrize("seed", range(3))
def test_hgt_equals_pygs_in_sorted_order(seed: int):
    net = jittered(HGT(METADATA, channels=CHANNELS, heads=HEADS))
    x_dict, edges = graph(seed)
    expected = x_dict
    for conv in net.convs:
        expected = expected | full_hgt(conv)(expected, {e: edges[e] for e in EDGE_TYPES})
    assert_equal(net(x_dict, edges), expected)


def test_pygs_own_hgt_depends_on_the_order_that_the_network_fixes():
    x_dict, edges = graph()
    turned = dict(reversed(edges.items()))
    torch.manual_seed(0)
    bare = jittered(pyg_hgt(METADATA, channels=CHANNELS))
    assert not torch.allclose(bare(x_dict, edges)["b"], bare(x_dict, turned)["b"])
    net = PyGNetwork(METADATA, channels=CHANNELS, conv=pyg_hgt, num_layers=1, norm=False).double()
    net.convs[0].load_state_dict(bare.state_dict())
    for given in (edges, turned):
        assert_equal(
            net(x_dict, given),
            {t: x_dict[t] for t in METADATA[0]} | bare(x_dict, {e: edges[e] for e in EDGE_TYPES}),
        )


def test_a_wrapped_stack_equals_its_layers_called_one_after_another():
    torch.manual_seed(0)
    net = PyGNetwork(METADATA, channels=CHANNELS, conv=hetero_sage).double()
    x_dict, edges = graph()
    expected = {t: x_dict[t] for t in METADATA[0]}
    for conv, after in zip(net.convs, net.after, strict=True):
        expected = expected | conv(expected, edges)
        expected = {t: f[0](x).relu() for f, (t, x) in zip(after, expected.items(), strict=True)}
    assert_equal(net(x_dict, edges), expected)


def test_the_grouped_path_of_pygs_linear_swaps_no_types(monkeypatch: pytest.MonkeyPatch):
    """It zips what it computes in module order with the keys of `x_dict`."""

    class Grouped:
        class ops:
            @staticmethod
            def grouped_matmul(xs: list, weights: list, biases: list) -> list[Any]:
                return [torch.addmm(b, x, w) for x, w, b in zip(xs, weights, biases)]

    torch.manual_seed(0)
    net = PyGNetwork(METADATA, channels=CHANNELS, conv=pyg_hgt).double()
    x_dict, edges = graph()
    expected = net(x_dict, edges)
    monkeypatch.setattr(torch_geometric.backend, "use_segment_matmul", True)
    monkeypatch.setattr(torch_geometric.typing, "WITH_GMM", True)
    monkeypatch.setattr(linear, "pyg_lib", Grouped, raising=False)
    turned = dict(reversed(x_dict.items()))
    layer = net.convs[0].kqv_lin
    assert len(layer(turned)["b"]) == NUM_NODES["c"], "the fault is there to be avoided"
    assert_equal(net(turned, edges), expected)
