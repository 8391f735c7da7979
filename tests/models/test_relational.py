"""What a model refuses before it computes anything."""

from __future__ import annotations

import pytest
from torch_geometric.data import HeteroData

from hgl.errors import SchemaError
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.typing import TableLayout


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
