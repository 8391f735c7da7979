"""The LATTE layer (arXiv:2009.08072) in one pass over the edges of all meta-relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hgl.errors import ConfigError, check_range
from hgl.nn.proximity import NonEdges, Omega, PairScores, proximity_loss
from hgl.ops import (
    MetaPaths,
    MetaPlan,
    edge_score,
    segment_softmax,
    spread,
    weighted_segment_sum,
)
from hgl.typing import NodeType

NEGATIVE_SLOPE = 0.2


@dataclass(frozen=True, eq=False)
class MetaOutput:
    """What a layer over meta-relations returns.

    Attributes:
        x: [receivers, channels], types concatenated.
        alpha: [num_edges, heads] attention, summing to 1 over the edges of a group.
        beta: per type [nodes, meta-relations + 1] weights of its meta-relations in the order of
            `paths.receiving`, then of the node itself; a mean over heads where those differ.
        loss: proximity loss, None where it is not asked for.
    """

    x: Tensor
    alpha: Tensor
    beta: dict[NodeType, Tensor]
    loss: Tensor | None = None


class LATTEConv(nn.Module):
    """h'_v = ReLU(sum_m beta_vm sum_u alpha_vmu W^r h_u + beta_v,self W^l h_v).

    alpha attends within a meta-relation m, sharpened by a learned gamma_m; beta chooses among the
    meta-relations of v's type and v itself. beta is known before alpha's sums are, so it multiplies
    alpha, and one sum per node takes in all its meta-relations. A type that no meta-relation leads
    to keeps itself alone.

    Args:
        paths: the layer's meta-relations.
        channels: width in and out, over all heads.
        heads: attention heads.
        attention_dropout: probability on alpha.
        renormalise: give meta-relations in which a node has no edges no weight; as published, they
            keep theirs and add nothing.
        proximity: whether training adds the proximity loss to the output.
        omega: weight of an edge in it.
        negatives: non-edges per edge in it.
    Raises: ConfigError: channels are not divisible by heads, or an option is unknown.
    """

    def __init__(
        self,
        paths: MetaPaths,
        *,
        channels: int,
        heads: int,
        attention_dropout: float = 0.0,
        renormalise: bool = False,
        proximity: bool = False,
        omega: Omega = "attention",
        negatives: int = 2,
    ) -> None:
        super().__init__()
        check_heads(channels, heads)
        check_range("negatives", negatives, 1)
        if omega not in ("one", "attention", "detached"):
            raise ConfigError(f"omega={omega!r}: expected 'one', 'attention' or 'detached'")
        self.paths, self.heads, self.renormalise = paths, heads, renormalise
        self.proximity, self.omega, self.negatives = proximity, omega, negatives
        types = paths.node_types
        self.own = nn.ModuleList(nn.Linear(channels, channels) for _ in types)
        self.neighbour = nn.ModuleList(nn.Linear(channels, channels) for _ in types)
        self.choice = nn.ModuleList(nn.Linear(channels, len(paths.receiving[t]) + 1) for t in types)
        shape = len(paths), heads, channels // heads
        self.attention_own = nn.Parameter(torch.empty(shape))
        self.attention_neighbour = nn.Parameter(torch.empty(shape))
        self.sharpness = nn.Parameter(torch.empty(len(paths)))
        self.dropout = nn.Dropout(attention_dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-normal weights, each attention vector by itself; sharpness 1."""
        for maps in (self.own, self.neighbour, self.choice):
            reset_linear(maps)
        for vectors in (self.attention_own, self.attention_neighbour):
            nn.init.xavier_normal_(vectors.flatten(0, 1).detach())
        nn.init.ones_(self.sharpness)

    def forward(self, x: Tensor, plan: MetaPlan) -> MetaOutput:
        """Run on [senders, channels], types concatenated."""
        of_src, of_dst = both_ends(x, plan)
        sent = torch.cat(
            [
                folded(x, linear, self.attention_neighbour[plan.paths.sending[t]])
                for x, linear, t in zip(of_src, self.neighbour, plan.num_src, strict=True)
            ]
        )
        received = torch.cat(
            [
                folded(x, linear, self.attention_own[plan.paths.receiving[t]])
                for x, linear, t in zip(of_dst, self.own, plan.num_dst, strict=True)
            ]
        )
        score = edge_score(sent, received, plan.pairs, negative_slope=NEGATIVE_SLOPE)
        sharpness = spread(self.sharpness[plan.group_relation].unsqueeze(1), plan.pairs)
        alpha = segment_softmax(score * sharpness, plan.pairs)
        beta = self._choices(of_dst, plan)
        out = self._summed(of_src, of_dst, alpha, beta, plan)
        loss = None
        if self.proximity and self.training:
            scores = PairScores(sent, received, self.sharpness, score, NEGATIVE_SLOPE)
            loss = self._loss(scores, alpha, plan)
        return MetaOutput(out, alpha, beta, loss)

    def _choices(self, of_dst: Sequence[Tensor], plan: MetaPlan) -> dict[NodeType, Tensor]:
        """[nodes, meta-relations + 1] per type."""
        beta = {}
        for x, linear, node_type in zip(of_dst, self.choice, plan.num_dst, strict=True):
            score = linear(x)
            if self.renormalise:
                first, width = plan.received.first[node_type], plan.width(node_type)
                degree = plan.degree[first : first + len(x) * width].view(len(x), width)
                empty = nn.functional.pad(degree == 0, (0, 1), value=False)
                score = score.masked_fill(empty, -torch.inf)
            beta[node_type] = score.softmax(1)
        return beta

    def _summed(
        self,
        of_src: Sequence[Tensor],
        of_dst: Sequence[Tensor],
        alpha: Tensor,
        beta: dict[NodeType, Tensor],
        plan: MetaPlan,
    ) -> Tensor:
        """[receivers, channels]: all meta-relations in one sum per node, and the node itself."""
        sent = torch.cat([f(x) for f, x in zip(self.neighbour, of_src, strict=True)])
        share = torch.cat([b[:, :-1].flatten() for b in beta.values()]).unsqueeze(1)
        weight = self.dropout(alpha) * spread(share, plan.pairs)
        pooled = weighted_segment_sum(sent.unflatten(1, (self.heads, -1)), weight, plan.nodes)
        own = [f(x) * b[:, -1:] for f, x, b in zip(self.own, of_dst, beta.values(), strict=True)]
        return (pooled.flatten(1) + torch.cat(own)).relu()

    def _loss(self, scores: PairScores, alpha: Tensor, plan: MetaPlan) -> Tensor:
        weight = {"one": None, "attention": alpha, "detached": alpha.detach()}[self.omega]
        non_edges = NonEdges.draw(plan, self.negatives)
        return proximity_loss(scores, plan, non_edges, None if weight is None else weight.amax(1))


def check_heads(channels: int, heads: int) -> None:
    """Check that heads share the channels evenly. Raises: ConfigError: they do not."""
    check_range("channels", channels, 1)
    check_range("heads", heads, 1)
    if channels % heads:
        raise ConfigError(f"channels={channels}: expected a multiple of heads={heads}")


def reset_linear(maps: nn.ModuleList) -> None:
    """Xavier-normal weights and no biases."""
    for parameter in maps.parameters():
        if parameter.dim() == 2:
            nn.init.xavier_normal_(parameter)
        else:
            nn.init.zeros_(parameter)


def both_ends(x: Tensor, plan: MetaPlan) -> tuple[list[Tensor], list[Tensor]]:
    """[senders, channels], types concatenated, to one tensor per type: of senders, of receivers."""
    of_src = x.split(list(plan.num_src.values()))
    if plan.num_src == plan.num_dst:
        return list(of_src), list(of_src)
    # A slice's gradient zero-fills the whole tensor, a split's does not.
    counts = [(plan.num_dst[t], n - plan.num_dst[t]) for t, n in plan.num_src.items()]
    return list(of_src), list(x.split([n for pair in counts for n in pair])[::2])


def folded(x: Tensor, linear: nn.Module, vectors: Tensor) -> Tensor:
    """Dot a linear map of rows with vectors, head by head, without making the map.

    Args:
        x: [rows, channels].
        linear: channels to heads * width.
        vectors: [meta-relations, heads, width].
    Returns: [rows * meta-relations, heads].
    """
    heads = vectors.shape[1:]
    matrix = torch.einsum("hdi,rhd->irh", linear.weight.unflatten(0, heads), vectors)
    shift = torch.einsum("hd,rhd->rh", linear.bias.unflatten(0, heads), vectors)
    return (x @ matrix.flatten(1) + shift.flatten()).view(-1, heads[0])
