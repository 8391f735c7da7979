"""LATTE's proximity loss (arXiv:2009.08072): edges score high, random pairs score low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, logsigmoid

from hgl.ops import MetaPlan

Omega = Literal["one", "attention", "detached"]
"""Weight of an edge: 1, its attention (gradients flow through it), or its attention as a number."""

TRIES = 4
"""Draws per random pair; a pair that is an edge each time is left out."""


@dataclass(frozen=True, eq=False)
class PairScores:
    """What scores a (sender, receiver) pair along a meta-relation.

    Attributes:
        sent: [sender pairs, heads].
        received: [groups, heads].
        sharpness: [meta-relations] gamma.
        edge: [num_edges, heads] LeakyReLU(sent + received) of the edges.
        negative_slope: of the LeakyReLU.
    """

    sent: Tensor
    received: Tensor
    sharpness: Tensor
    edge: Tensor
    negative_slope: float


@dataclass(frozen=True, eq=False)
class NonEdges:
    """Pairs of nodes that no edge joins.

    Attributes:
        src: [pairs] sender within its type.
        dst: [pairs] receiver within its type.
        relation: [pairs] number of the meta-relation.
        real: [pairs] False where every try met an edge: such a pair counts for nothing.
    """

    src: Tensor
    dst: Tensor
    relation: Tensor
    real: Tensor

    @classmethod
    def draw(cls, plan: MetaPlan, per_edge: int) -> NonEdges:
        """Draw `per_edge` pairs per edge of the same meta-relation, uniform over its non-edges.

        On the plan's device, without waiting for it.
        """
        relation, paths = plan.relation.repeat(per_edge), plan.paths.paths
        src, dst = (
            _uniform(relation.new_tensor(counts)[relation])
            for counts in (
                [plan.num_src[p[0][0]] for p in paths],
                [plan.num_dst[p[-1][2]] for p in paths],
            )
        )
        free = ~_are_edges(src, dst, relation, plan)
        # The first try that is free; where none is, any.
        pick = free.long().argmax(0, keepdim=True)
        src, dst, real = (x.gather(0, pick).squeeze(0) for x in (src, dst, free))
        return cls(src, dst, relation, real)


def _uniform(counts: Tensor) -> Tensor:
    """[TRIES, pairs] integers from 0 to below each pair's count."""
    unit = torch.rand(TRIES, len(counts), dtype=torch.float64, device=counts.device)
    return (unit * counts).long()


def _are_edges(src: Tensor, dst: Tensor, relation: Tensor, plan: MetaPlan) -> Tensor:
    if not plan.num_edges:
        return torch.zeros_like(src, dtype=torch.bool)
    width = max(plan.num_src.values())
    known = (plan.group * width + plan.src).sort().values
    asked = plan.received.number(dst, relation) * width + src
    place = torch.searchsorted(known, asked).clamp(max=plan.num_edges - 1)
    return known[place] == asked


def proximity_loss(
    scores: PairScores, plan: MetaPlan, non_edges: NonEdges, weight: Tensor | None = None
) -> Tensor:
    """Binary cross-entropy of edges against non-edges, averaged within each meta-relation.

    Differs from the reference: non-edges are drawn and checked on the device, an empty
    meta-relation costs nothing, and the weight may be other than the attention.

    Args:
        scores: of the plan's edges and of any pair.
        plan: the edges.
        non_edges: what to tell them from.
        weight: [num_edges] omega; None for 1.
    Returns: scalar, sums over meta-relations divided by twice their number.
    """
    edge = scores.edge.amax(1) * scores.sharpness[plan.relation]
    positive = logsigmoid(edge) if weight is None else weight * logsigmoid(edge)
    relation, real = non_edges.relation, non_edges.real
    score = scores.sent[plan.sent.number(non_edges.src, relation)]
    score = score + scores.received[plan.received.number(non_edges.dst, relation)]
    score = leaky_relu(score, scores.negative_slope).amax(1) * scores.sharpness[relation]
    negative = logsigmoid(-score) * real
    counted = torch.zeros_like(plan.counts).index_add_(0, relation, real.long())
    total = (positive / plan.counts[plan.relation]).sum()
    total = total + (negative / counted[relation].clamp(min=1)).sum()
    return -total / (2 * max(len(plan.paths), 1))
