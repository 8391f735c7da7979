"""A sample as PyG's HeteroData, with what our kernels need beside what PyG's layers need."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.graph.grouping import distinct, group
from hgl.graph.sample import Sample
from hgl.graph.temporal_graph import Features, TemporalGraph
from hgl.typing import STATIC_TIME, NodeType


def make_batch(
    sample: Sample,
    graph: TemporalGraph,
    seed_time: Tensor,
    features: Mapping[NodeType, Features] | None = None,
) -> HeteroData:
    """Lay a sample out as a batch.

    Per node type: `n_id` ([n] int64 rows in the table; n copies), `batch` ([n] seed of each copy),
    `num_nodes`, `num_sampled_nodes` (per hop), `rel_time` ([n] int64 seconds from the row to its
    seed; timed tables only), `rows` ([m] the distinct rows, each encoded once), `row_index` ([n]
    copy to distinct row), its transpose `row_ptr` ([m + 1] int32) and `row_perm` ([n] int32), and
    `columns` (features of the distinct rows by block).

    Per edge type: `edge_index` ([2, e] int64, source then target copy, sorted by target), `rowptr`
    ([targets + 1] int64) and `num_sampled_edges` (per hop); for a table drawn as edges, `edge_row`
    ([e] int64, the row of that table that each edge stands for).

    `layers`: one dict per layer for `hgl.ops.RelationPlan`, the first with all edges, each later
    one without the outermost hop left: `src`, `ptr` (int32 tensors) and `num_src`, `num_dst`
    (copies per type on either side).

    Args:
        seed_time: [num_seeds] int64 seconds that relative times are measured to.
        features: per node type; None for a batch without columns.
    """
    batch = HeteroData()
    ends = sample.num_copies.sum(axis=1).cumsum().tolist()
    for t, (node_type, end) in enumerate(zip(sample.layout.node_types, ends, strict=True)):
        part = slice(ends[t - 1] if t else 0, end)
        store = batch[node_type]
        _fill_nodes(store, sample.row[part], sample.seed[part], graph.time[node_type], seed_time)
        store.num_sampled_nodes = sample.num_copies[t].tolist()
        if features:
            store.columns = features[node_type].gather(store.rows)
    _fill_edges(batch, sample, graph)
    batch.layers = [_layer(sample.trimmed(hops)) for hops in range(sample.layout.num_hops)]
    return batch


def _fill_nodes(
    store: Any, row: Tensor, seed: Tensor, time: Tensor | None, seed_time: Tensor
) -> None:
    store.n_id, store.batch, store.num_nodes = row, seed, row.numel()
    store.rows, store.row_index = distinct(row)
    copies = torch.arange(row.numel(), dtype=torch.int32, device=row.device)
    store.row_ptr, store.row_perm = group(store.row_index, copies, store.rows.numel())
    if time is not None:
        known = time[row]
        elapsed = seed_time[seed] - known
        # A row that counts as known from the start is infinitely old; the difference would wrap.
        store.rel_time = elapsed.masked_fill_(known == STATIC_TIME, torch.iinfo(torch.int64).max)


def _fill_edges(batch: HeteroData, sample: Sample, graph: TemporalGraph) -> None:
    layout = sample.layout
    num_nodes = sample.num_copies.sum(axis=1).tolist()
    first_copy, first_slot = sample.first_copy.tolist(), sample.first_slot.tolist()
    first_edge = sample.first_edge.tolist()
    ends = torch.stack([sample.src.long(), _slots(sample.ptr).long()])
    for r, edge_type in sorted(enumerate(layout.edge_types), key=itemgetter(1)):
        begin, end = first_edge[r], first_edge[r + 1]
        store = batch[edge_type]
        store.edge_index = ends[:, begin:end]
        store.edge_index[0] -= first_copy[layout.src[r]]
        store.edge_index[1] -= first_slot[r]
        filled = sample.ptr[first_slot[r] : first_slot[r + 1] + 1]
        # Nothing leads to the last hop's copies, so the pointer stays at the end for them.
        store.rowptr = filled.new_full((num_nodes[layout.dst[r]] + 1,), end - begin).long()
        store.rowptr[: filled.numel()] = filled - begin
        store.num_sampled_edges = sample.num_edges[r].tolist()
        if sample.edge_row is not None and graph.relations[edge_type].edge_row is not None:
            store.edge_row = sample.edge_row[begin:end]


def _layer(sample: Sample) -> dict[str, Any]:
    names = sample.layout.node_types
    num_src, num_dst = sample.num_copies.sum(axis=1).tolist(), sample.num_targets.tolist()
    return {
        "src": sample.src,
        "ptr": sample.ptr,
        "num_src": dict(zip(names, num_src, strict=True)),
        "num_dst": dict(zip(names, num_dst, strict=True)),
    }


def _slots(ptr: Tensor) -> Tensor:
    """[num_edges] int32 slot of each edge."""
    slots = torch.arange(ptr.numel() - 1, dtype=torch.int32, device=ptr.device)
    return slots.repeat_interleave(ptr.diff(), output_size=int(ptr[-1]))
