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

TERM_BYTES = 64
"""Memory per term of a product while it is made, measured at 14 million terms."""
_TIE = 1e-5
"""Weights closer than this share are equal: which of equals is largest must not be rounding's."""


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
    keep: Tensor,
    first: MetaPlan,
    paths: MetaPaths,
    num_dst: Mapping[NodeType, int],
    *,
    limit: int,
) -> MetaPlan:
    """Multiply A_m A_r for all meta-relations m and relations r in one pass: where r, then m leads.

    Args:
        left: edges of meta-relations m; rows of A_m are receivers.
        keep: [left.num_edges] bool, edges that count.
        first: edges of relations r, with every sender of `left` among its receivers.
        paths: the meta-relations (r, then m) wanted; others are left out.
        num_dst: receivers wanted per type, a prefix of those of `left`.
        limit: most terms (sender, between, receiver) to make on the way, `TERM_BYTES` each.
    Returns: each (sender, receiver) of a meta-relation once, senders ascending in a group.
    Raises: ConfigError: there are more terms; the message says how many, and none was made.
    """
    check("keep", keep, "[num_edges]", left.num_edges)
    key = _terms(left, keep, first, paths, num_dst, limit).key.unique()
    width, received = _width(first), MetaPairs.received(paths, num_dst, key.device)
    ptr = pointer(torch.bincount(key // width, minlength=received.count))
    return MetaPlan(paths, key % width, ptr, first.num_src, dict(num_dst))


def product_values(
    product: MetaPlan, left: MetaPlan, weight: Tensor, keep: Tensor, first: MetaPlan
) -> Tensor:
    """Values of A_m diag(1 / (column sum of A_m + row sum of A_r)) A_r at a product's edges.

    A_m holds the weights of the edges kept, A_r counts the edges of relation r.

    Args:
        product: what `adjacency_product` made of the other arguments.
        weight: [left.num_edges] values of A_m.
    Returns: [product.num_edges].
    """
    check("weight", weight, "[num_edges]", left.num_edges)
    terms = _terms(left, keep, first, product.paths, product.num_dst, None)
    pair = left.pairs.src.long()
    column = weight.new_zeros(left.sent.count).index_add_(0, pair, weight * keep)[pair]
    row = first.degree[first.group]
    value = weight[terms.left] / (column[terms.left] + row[terms.right])
    place = torch.searchsorted(product.group * _width(first) + product.src, terms.key)
    return value.new_zeros(product.num_edges).index_add_(0, place, value)


@dataclass(frozen=True, eq=False)
class _Terms:
    """The summands of a product.

    Attributes:
        left, right: [terms] edges of either factor.
        key: [terms] what is the same for terms of one sum, ascending by group, then sender.
    """

    left: Tensor
    right: Tensor
    key: Tensor


def _terms(
    left: MetaPlan,
    keep: Tensor,
    first: MetaPlan,
    paths: MetaPaths,
    num_dst: Mapping[NodeType, int],
    limit: int | None,
) -> _Terms:
    column = _columns(left, first, paths, num_dst, keep.device)
    edge = _wanted(left, keep, column, num_dst).nonzero().squeeze(1)
    relation, begin = left.relation[edge], first.nodes.ptr.long()
    between = first.first_sender_of(left.paths)[relation] + left.src[edge]
    count = begin.diff()[between]
    starts = pointer(count)
    number = int(starts[-1])
    if limit is not None and number > limit:
        raise ConfigError(
            f"max_products={limit}: the adjacency product of order {paths.order} has {number:,} "
            f"terms, about {number * TERM_BYTES / 2**30:.1f} GiB; raise max_products, or theta to "
            "keep fewer edges"
        )

    def per_term(per_edge: Tensor) -> Tensor:
        return per_edge.repeat_interleave(count, output_size=number)

    right = per_term(begin[between] - starts[:-1])
    right += torch.arange(number, device=right.device)
    group = column.flatten()[per_term(relation * len(first.paths)) + first.relation[right]]
    row = per_term(left.dst[edge] * _groups_per_node(left, paths)[relation])
    terms = _Terms(per_term(edge), right, (group + row) * _width(first) + first.src[right])
    if len(paths) == _meetings(left, first):
        return terms
    real = group >= 0
    return _Terms(terms.left[real], terms.right[real], terms.key[real])


def _columns(
    left: MetaPlan,
    first: MetaPlan,
    paths: MetaPaths,
    num_dst: Mapping[NodeType, int],
    device: torch.device,
) -> Tensor:
    """[meta-relations m, relations r] first group of (r, then m), -1 where it is not wanted."""
    extensions = torch.tensor(
        left.paths.extensions(first.paths, paths), dtype=torch.int64, device=device
    ).view(len(left.paths), len(first.paths))
    numbers = torch.arange(len(paths), device=device)
    begin = MetaPairs.received(paths, num_dst, device).number(torch.zeros_like(numbers), numbers)
    return torch.cat([begin, begin.new_full((1,), -1)])[extensions]


def _wanted(
    left: MetaPlan, keep: Tensor, column: Tensor, num_dst: Mapping[NodeType, int]
) -> Tensor:
    """[left.num_edges] edges kept that lead to a receiver wanted along a path that goes on."""
    last = [num_dst[p[-1][2]] for p in left.paths.paths]
    reach = torch.tensor(last, dtype=torch.int64, device=keep.device)[left.relation]
    return keep & (left.dst < reach) & (column >= 0).any(1)[left.relation]


def _groups_per_node(left: MetaPlan, paths: MetaPaths) -> Tensor:
    """[meta-relations m] groups that each receiver of m has in the product."""
    widths = [len(paths.receiving[p[-1][2]]) for p in left.paths.paths]
    return torch.tensor(widths, dtype=torch.int64, device=left.src.device)


def _meetings(left: MetaPlan, first: MetaPlan) -> int:
    """Pairs (r, m) of which r leads to where m starts."""
    return sum(len(left.paths.sending[r[2]]) for (r,) in first.paths.paths)


def _width(first: MetaPlan) -> int:
    return max(1, *first.num_src.values())
