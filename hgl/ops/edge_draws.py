"""Draw some edges of a product: LATTE's stochastic adjacency product (arXiv:2009.08072)."""

from __future__ import annotations

import torch
from torch import Tensor

from hgl.ops.meta_plan import MetaPlan
from hgl.ops.segments import pointer
from hgl.ops.shapes import check


def draw_edges(product: MetaPlan, value: Tensor, budget: Tensor, *, random: bool) -> MetaPlan:
    """Draw edges of each meta-relation without replacement, likelier the larger their value.

    The largest of log(value) plus Gumbel noise are such a draw, all meta-relations in one sort.

    Args:
        value: [product.num_edges], see `product_values`.
        budget: [meta-relations] edges to draw at most.
        random: False takes those with the largest values.
    """
    check("value", value, "[num_edges]", product.num_edges)
    check("budget", budget, "[meta-relations]", len(product.paths))
    key = value.log()
    if random:
        key = key - torch.empty_like(key).exponential_().log()
    order = key.argsort(descending=True, stable=True)
    order = order[product.relation[order].argsort(stable=True)]
    relation = product.relation[order]
    rank = torch.arange(len(order), device=order.device) - pointer(product.counts)[relation]
    keep = torch.zeros_like(order, dtype=torch.bool)
    keep[order] = rank < budget[relation]
    return product.selected(keep)


def product_budget(left: MetaPlan, keep: Tensor, first: MetaPlan, product: MetaPlan) -> Tensor:
    """[meta-relations] the fewest edges that either factor or the product has."""
    kept = torch.bincount(left.relation[keep], minlength=len(left.paths))
    ends = [(first.paths.number[p[:1]], left.paths.number[p[1:]]) for p in product.paths.paths]
    relation, path = torch.tensor(ends, dtype=torch.int64, device=keep.device).view(-1, 2).T
    return torch.stack([kept[path], first.counts[relation], product.counts]).amin(0)
