"""What a model refuses before it computes anything."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.graph.batch import make_batch
from hgl.graph.sampler import TemporalSampler
from hgl.models.relational import RelationalModel
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.typing import TableLayout
from tests.graph.worlds import random_world


def batch_of(node_types: list[str], edge_types: list[tuple[str, str, str]]) -> HeteroData:
    batch = HeteroData()
    for kind in (*node_types, *edge_types):
        batch[kind].num_nodes = 0
    return batch


def test_a_batch_of_another_graph_is_refused():
    metadata = ["b", "a"], [("b", "rev_f2p_k", "a"), ("a", "f2p_k", "b")]
    model = RelationalModel(
        metadata=metadata,
        layouts=dict.fromkeys(metadata[0], TableLayout()),
        timed=[],
        entity_table="a",
        out_channels=1,
        gnn=HeteroGraphSAGE,
        channels=4,
    )
    with pytest.raises(SchemaError, match=r"^batch has node types \['a', 'b', 'c'\], expected \["):
        model(batch_of(["a", "b", "c"], metadata[1]))
    with pytest.raises(
        SchemaError, match=r"^batch has edge types \[.*\], expected \[\('a', 'f2p_k'"
    ):
        model(batch_of(metadata[0], metadata[1][:1]))


@pytest.mark.parametrize("network", [HeteroGraphSAGE, functools.partial(RHGNN, heads=2)])
def test_lower_precision_comes_near_on_a_batch(network: Callable[..., nn.Module]):
    world = random_world(3)
    graph = world.graph()
    entity = max(world.sizes, key=lambda t: (world.sizes[t], t))
    time, known = torch.full((world.sizes[entity],), 10**9), graph.time[entity]
    rows = torch.arange(len(time)) if known is None else (known <= 10**9).nonzero().flatten()
    time = time[: len(rows)]
    batch = make_batch(TemporalSampler(graph, [4, 4]).sample(entity, rows, time), graph, time)
    for node_type in graph.node_types:
        batch[node_type].columns = {}
    batch[entity].batch_size = len(rows)
    torch.manual_seed(0)
    model = RelationalModel(
        metadata=graph.metadata(),
        layouts=dict.fromkeys(graph.node_types, TableLayout()),
        timed=graph.timed,
        entity_table=entity,
        out_channels=1,
        gnn=network,
        channels=8,
    )
    expected = model(batch)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(batch)
    torch.testing.assert_close(out.float(), expected, rtol=0, atol=0.1)
    out.float().sum().backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(grads) > 5
    assert all(grad.isfinite().all() for grad in grads)
