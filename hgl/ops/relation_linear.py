"""Aggregate neighbours and map them by a matrix per relation, all relations in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hgl.ops.autocast import lowered
from hgl.ops.bag_sum import bag_sum
from hgl.ops.plan import RelationPlan
from hgl.typing import NodeType


def relation_linear(
    x_dict: Mapping[NodeType, Tensor],
    weight: Tensor,
    plan: RelationPlan,
    *,
    mean: bool = False,
) -> dict[NodeType, Tensor]:
    """Sum over relations r of (sum over neighbours u of x_u) W_r.

    Summing and mapping commute, so each relation maps whichever side has fewer rows: a child's few
    parents before they are copied to it, a parent's many children after they are summed. Neither
    [edges, channels] nor [slots, channels] tensors are kept for backward. Under autocast the lower
    precision is used, as a linear layer does.

    Args:
        x_dict: [plan.num_src[t], in_channels] per node type t.
        weight: [relations, in_channels, out_channels], relations as in `plan.edge_types`.
        plan: the edges.
        mean: average instead of sum over the neighbours of a relation.
    Returns: [plan.num_dst[t], out_channels] per node type t.
    """
    types = list(plan.num_dst)
    weight, *xs = lowered([weight, *(x_dict[t] for t in types)])
    outs = _RelationLinear.apply(weight, plan, mean, *xs)
    return dict(zip(types, outs, strict=True))


class _RelationLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, plan: RelationPlan, mean: bool, *xs: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(weight, *xs)
        ctx.plan, ctx.mean = plan, mean
        x_dict = dict(zip(plan.num_dst, xs, strict=True))
        out = {t: weight.new_zeros(n, weight.shape[2]) for t, n in plan.num_dst.items()}
        for block in plan.blocks:
            segments = block.segments
            source, matrix = x_dict[block.edge_type[0]], weight[block.position]
            if block.maps_sources:
                pooled = bag_sum(source @ matrix, segments.src, segments.ptr)
                out[block.edge_type[2]] += pooled.div_(segments.degree) if mean else pooled
            else:
                pooled = bag_sum(source, segments.src, segments.ptr)
                out[block.edge_type[2]].addmm_(
                    pooled.div_(segments.degree) if mean else pooled, matrix
                )
        return tuple(out.values())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        weight, *xs = ctx.saved_tensors
        types = list(ctx.plan.num_dst)
        x_dict, grad_out = (dict(zip(types, values, strict=True)) for values in (xs, grads))
        grad_weight = torch.zeros_like(weight)
        grad_x: dict[NodeType, Tensor] = {}
        for block in ctx.plan.blocks:
            segments = block.segments
            source, matrix = x_dict[block.edge_type[0]], weight[block.position]
            grad = grad_out[block.edge_type[2]]
            grad = grad / segments.degree.to(grad.dtype) if ctx.mean else grad.contiguous()
            back = segments.transpose
            if block.maps_sources:
                mapped = bag_sum(grad, back.segment, back.ptr)
                torch.mm(source.T, mapped, out=grad_weight[block.position])
                part = mapped @ matrix.T
            else:
                # The degree is in `grad` already; the sum is cheaper made again than kept.
                pooled = bag_sum(source, segments.src, segments.ptr)
                torch.mm(pooled.T, grad, out=grad_weight[block.position])
                part = bag_sum(grad @ matrix.T, back.segment, back.ptr)
            known = grad_x.get(block.edge_type[0])
            grad_x[block.edge_type[0]] = part if known is None else known.add_(part)
        return grad_weight, None, None, *(grad_x.get(t) for t in types)
