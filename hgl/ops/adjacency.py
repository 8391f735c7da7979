"""Adjacency products along meta-relations: where a layer's attention leads next.

Source: LATTE (Tran and Gao, arXiv:2009.08072), written from the equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hgl.errors import ConfigError
from hgl.ops.meta_pairs import MetaPairs
from hgl.ops.meta_paths import MetaPaths
from hgl.ops.meta_plan import MetaPlan
from hgl.ops.segments import pointer
from hgl.ops.shapes import check
from hgl.typing import NodeType

TERM_BYTES = 104
"""Memory per term of a product while it is made, measured at 14 to 20 million terms."""
_TIE = 1e-5
"""Weights closer than this share are equal: which of equals is largest must not be rounding's."""


@dataclass(frozen=True, eq=False)
class Product:
    """The edges of a product, and their values.

    Attributes:
        plan: each (sender, receiver) pair of a meta-relation once, senders ascending in a group.
        value: [plan.num_edges] of each edge.
    """

    plan: MetaPlan
    value: Tensor


def strong_edges(weight: Tensor, plan: MetaPlan, theta: float) -> Tensor:
    """Which edges reach `theta`, or are the best of their receiver along their meta-relation.

    The best is taken per receiver, so that a batch keeps what the whole graph keeps.

    Args:
        weight: [num_edges] attention, at least 0.
        plan: the edges.
        theta: 0 keeps all, 1 the best alone; of equals, each is the best.
    Returns: [num_edges] bool.
    """
    best = torch.segment_reduce(weight, "max", offsets=plan.ptr, unsafe=True)
    return weight >= (best.clamp(max=theta) * (1 - _TIE))[plan.group]


def adjacency_product(
    left: MetaPlan,
    weight: Tensor,
    keep: Tensor,
    first: MetaPlan,
    paths: MetaPaths,
    num_dst: Mapping[NodeType, int],
    *,
    limit: int,
) -> Product:
    """Multiply A_m diag(1 / (column sum of A_m + row sum of A_r)) A_r for all m and r in one pass.

    A_m holds the weights of the edges kept, rows are receivers; A_r counts the edges of relation r.

    Args:
        left: edges of meta-relations m.
        weight: [left.num_edges] values of A_m.
        keep: [left.num_edges] bool, edges that count.
        first: edges of relations r, with every sender of `left` among its receivers.
        paths: the meta-relations (r, then m) wanted; others are left out.
        num_dst: receivers wanted per type, a prefix of those of `left`.
        limit: most terms (sender, between, receiver) to make on the way, `TERM_BYTES` each.
    Raises: ConfigError: there are more; the message says how many.
    """
    check("weight", weight, "[num_edges]", left.num_edges)
    check("keep", keep, "[num_edges]", left.num_edges)
    extension = left.paths.extensions(first.paths, paths)
    table = torch.tensor(extension, dtype=torch.int64, device=weight.device)
    table = table.view(len(left.paths), len(first.paths))
    kept = _wanted(left, keep, table, num_dst).nonzero().squeeze(1)
    term, right = _terms(left, kept, first, paths.order, limit)
    path = table[left.relation[kept][term], first.relation[right]]
    real, width = path >= 0, max(1, *first.num_src.values())
    received = MetaPairs.received(paths, num_dst, path.device)
    group = received.number(left.dst[kept][term], path)
    degree = _column_sums(left, weight, keep)[kept][term] + first.degree[first.group[right]]
    value = weight[kept][term] / degree
    key, value = _merged(group[real], first.src[right][real], value[real], width)
    ptr = pointer(torch.bincount(key // width, minlength=received.count))
    plan = MetaPlan(paths, key % width, ptr, first.num_src, dict(num_dst))
    return Product(plan, value)


def _terms(
    left: MetaPlan, kept: Tensor, first: MetaPlan, order: int, limit: int
) -> tuple[Tensor, Tensor]:
    """Each pair of a kept edge (its position in `kept`) and an edge of `first` it goes on with."""
    begin = first.nodes.ptr.long()
    row = first.first_sender_of(left.paths)[left.relation[kept]] + left.src[kept]
    count = begin.diff()[row]
    starts = pointer(count)
    terms = int(starts[-1])
    if terms > limit:
        raise ConfigError(
            f"max_products={limit}: the adjacency product of order {order} has {terms:,} terms, "
            f"about {terms * TERM_BYTES / 2**30:.1f} GiB; raise max_products, or theta to keep "
            "fewer edges"
        )
    term = torch.arange(len(kept), device=row.device).repeat_interleave(count, output_size=terms)
    right = torch.arange(terms, device=row.device) + (begin[row] - starts[:-1])[term]
    return term, right


def _wanted(left: MetaPlan, keep: Tensor, table: Tensor, num_dst: Mapping[NodeType, int]) -> Tensor:
    """[left.num_edges] edges kept that lead to a receiver wanted along a path that goes on."""
    last = [num_dst[p[-1][2]] for p in left.paths.paths]
    reach = torch.tensor(last, dtype=torch.int64, device=keep.device)[left.relation]
    return keep & (left.dst < reach) & (table >= 0).any(1)[left.relation]


def _column_sums(left: MetaPlan, weight: Tensor, keep: Tensor) -> Tensor:
    """[left.num_edges] sum over the kept edges of each edge's sender and meta-relation."""
    pair = left.pairs.src.long()
    return weight.new_zeros(left.sent.count).index_add_(0, pair, weight * keep)[pair]


def _merged(group: Tensor, src: Tensor, value: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Number each (group, sender) once, ascending, and sum its values."""
    key, place = torch.unique(group * width + src, return_inverse=True)
    return key, value.new_zeros(len(key)).index_add_(0, place, value)
