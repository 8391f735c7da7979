"""What holds for every graph network: order, odd graphs, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch_geometric.nn import HANConv, HGTConv

from hgl.errors import ConfigError, SchemaError
from hgl.models.han import HAN
from hgl.models.hgt import HGT
from hgl.models.pyg import PyGNetwork, hetero_sage
from hgl.models.relgnn import RelGNN
from hgl.models.rgcn import RGCN
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.models.simple_hgn import SimpleHGN
from hgl.typing import EdgeType, Metadata
from tests.models.test_rhgnn import CHANNELS, METADATA, NUM_NODES, graph


def pyg_hgt(metadata: Metadata, *, channels: int) -> HGTConv:
    return HGTConv(channels, channels, metadata, heads=2)


def pyg_han(metadata: Metadata, *, channels: int) -> HANConv:
    return HANConv(channels, channels, metadata, heads=2)


NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "sage": HeteroGraphSAGE,
    "rhgnn": functools.partial(RHGNN, heads=2),
    "rgcn": RGCN,
    "rgcn of bases": functools.partial(RGCN, num_bases=2),
    "han": functools.partial(HAN, heads=2),
    "hgt": functools.partial(HGT, heads=2),
    "simplehgn": functools.partial(SimpleHGN, heads=2, normalise=True),
    "relgnn": functools.partial(RelGNN, heads=2),
    "PyG's SAGE": functools.partial(PyGNetwork, conv=hetero_sage),
    "PyG's HGT": functools.partial(PyGNetwork, conv=pyg_hgt),
    "PyG's HAN": functools.partial(PyGNetwork, conv=pyg_han, norm=False),
}
WITH_HEADS = [RHGNN, HAN, HGT, SimpleHGN, RelGNN]
NEEDS_REVERSES = [RHGNN, RelGNN]


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def network(request: pytest.FixtureRequest) -> Callable[..., nn.Module]:
    return request.param


def made(network: Callable[..., nn.Module], metadata: Metadata = METADATA) -> nn.Module:
    torch.manual_seed(0)
    return network(metadata, channels=CHANNELS).double()


def jittered(net: nn.Module) -> nn.Module:
    """The network in fp64 with no parameter left at a constant that would hide a fault."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in net.double().parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return net


def test_order_of_metadata_dicts_and_edges_changes_nothing(network: Callable[..., nn.Module]):
    x_dict, edges = graph(2)
    expected = made(network)(x_dict, edges)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)

        def shuffled(items: list, generator: torch.Generator = generator) -> list:
            return [items[i] for i in torch.randperm(len(items), generator=generator)]

        turned: dict[EdgeType, torch.Tensor] = {
            e: ends[:, torch.randperm(ends.shape[1], generator=generator)]
            for e, ends in shuffled(list(edges.items()))
        }
        net = made(network, (shuffled(METADATA[0]), shuffled(METADATA[1])))
        out = net(dict(shuffled(list(x_dict.items()))), turned)
        assert list(out) == sorted(NUM_NODES)
        for node_type in NUM_NODES:
            torch.testing.assert_close(out[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_renumbering_the_nodes_of_a_type_renumbers_its_output(network: Callable[..., nn.Module]):
    net = made(network)
    x_dict, edges = graph(1)
    order = torch.tensor([3, 0, 2, 1])
    place = order.argsort()
    turned = {
        e: torch.stack([place[i] if t == "b" else i for i, t in zip(ends, (e[0], e[2]))])
        for e, ends in edges.items()
    }
    expected, moved = net(x_dict, edges), net(x_dict | {"b": x_dict["b"][order]}, turned)
    torch.testing.assert_close(moved["b"], expected["b"][order], rtol=0, atol=1e-12)
    for node_type in ("a", "c", "lonely"):
        torch.testing.assert_close(moved[node_type], expected[node_type], rtol=0, atol=1e-12)


def test_no_type_vanishes_and_none_spoils_the_others(network: Callable[..., nn.Module]):
    net = made(network)
    x_dict, edges = graph()
    without = {e: ends for e, ends in edges.items() if "c" not in (e[0], e[2])}
    out = net(x_dict | {"c": x_dict["c"][:0]}, without)
    assert {t: tuple(x.shape) for t, x in out.items()} == {
        t: (0 if t == "c" else n, CHANNELS) for t, n in NUM_NODES.items()
    }
    assert all(x.isfinite().all() for x in net(x_dict, {}).values())
    empty = net({t: x[:0] for t, x in x_dict.items()}, {})
    assert all(x.shape == (0, CHANNELS) for x in empty.values())
    for leaf in x_dict.values():
        leaf.requires_grad_()
    sum(x.square().sum() for x in net(x_dict, without).values()).backward()
    grads = [p.grad for p in (*x_dict.values(), *net.parameters()) if p.grad is not None]
    assert all(grad.isfinite().all() for grad in grads)


def test_a_graph_other_than_the_metadata_says_is_refused(network: Callable[..., nn.Module]):
    net = made(network)
    x_dict, edges = graph()
    with pytest.raises(SchemaError, match=r"^edge_index_dict has .*unseen"):
        net(x_dict, edges | {("a", "unseen", "b"): torch.zeros(2, 1).long()})
    with pytest.raises(SchemaError, match=r"^x_dict has .*'new'.*, expected \['a', 'b', 'c'"):
        net(x_dict | {"new": x_dict["a"]}, edges)
    with pytest.raises(SchemaError, match=r"^x_dict has \['a', 'b', 'c'\], expected"):
        net({t: x for t, x in x_dict.items() if t != "lonely"}, edges)
    with pytest.raises(SchemaError, match="target rows 0 to 4, expected 0 to 3"):
        net(x_dict, edges | {("a", "x", "b"): torch.tensor([[0, 0], [0, 4]])})


def test_features_that_are_no_numbers_are_refused(network: Callable[..., nn.Module]):
    x_dict, edges = graph()
    x_dict["b"][1, 2] = torch.nan
    with pytest.raises(
        SchemaError, match=r"^x_dict\['b'\]: 1 of \d+ numbers are NaN, expected none"
    ):
        made(network)(x_dict, edges)


def test_metadata_that_contradicts_itself_is_refused(network: Callable[..., nn.Module]):
    with pytest.raises(SchemaError, match=r"\('a', 'x', 'b'\) does not join two of the node types"):
        network((["a", "c"], [("a", "x", "b"), ("b", "rev_x", "a")]), channels=4)
    with pytest.raises(SchemaError, match="metadata names 'a' twice"):
        network((["a", "b", "a"], []), channels=4)
    with pytest.raises(SchemaError, match="at least one node type"):
        network(([], []), channels=4)
    with pytest.raises(ConfigError, match=r"^num_layers=0: expected at least 1"):
        network(METADATA, channels=4, num_layers=0)
    with pytest.raises(ConfigError, match=r"^gnn.dropout=1.5: expected 0 to 1"):
        network(METADATA, channels=4, dropout=1.5)


@pytest.mark.parametrize("network", WITH_HEADS)
def test_channels_must_be_divisible_by_heads(network: Callable[..., nn.Module]):
    with pytest.raises(ConfigError, match=r"^channels=6: expected a multiple of heads=4$"):
        network(METADATA, channels=6, heads=4)


@pytest.mark.parametrize("network", NEEDS_REVERSES)
def test_where_reverses_are_needed_a_missing_one_is_named(network: Callable[..., nn.Module]):
    one_way = (["a", "b"], [("a", "x", "b"), ("b", "y", "a"), ("b", "rev_x", "a")])
    with pytest.raises(
        SchemaError, match=r"\('b', 'y', 'a'\) has no reverse: expected \('a', 'rev"
    ):
        network(one_way, channels=8, heads=2)


def test_elsewhere_a_relation_may_run_one_way():
    metadata = (["a", "b"], [("a", "x", "b"), ("a", "y", "b")])
    x_dict, edges = graph()
    x_dict = {t: x_dict[t] for t in metadata[0]}
    for name, network in NETWORKS.items():
        if name not in ("rhgnn", "relgnn"):
            out = made(network, metadata)(x_dict, {("a", "y", "b"): edges["a", "x", "b"]})
            assert out["b"].isfinite().all()
            assert out["a"].shape == (NUM_NODES["a"], CHANNELS)


def test_dropout_draws_in_training_only(network: Callable[..., nn.Module]):
    net = made(functools.partial(network, dropout=0.5))
    x_dict, edges = graph()
    first, second = (net(x_dict, edges)["b"] for _ in range(2))
    assert not torch.equal(first, second)
    net.eval()
    torch.testing.assert_close(net(x_dict, edges)["b"], made(network)(x_dict, edges)["b"])


def test_lower_precision_comes_near(network: Callable[..., nn.Module]):
    """As training on CUDA asks it; automatic mixed precision is the same on a CPU."""
    net = made(network).float()
    x_dict, edges = graph()
    x_dict = {t: x.float().requires_grad_() for t, x in x_dict.items()}
    expected = net(x_dict, edges)
    with torch.autocast("cpu", torch.bfloat16):
        out = net(x_dict, edges)
    for node_type, x in expected.items():
        torch.testing.assert_close(out[node_type].float(), x, rtol=0, atol=0.05)
    sum(x.float().square().sum() for x in out.values()).backward()
    grads = [p.grad for p in (*x_dict.values(), *net.parameters()) if p.grad is not None]
    assert grads
    assert all(grad.isfinite().all() for grad in grads)
