"""The LATTE2GO layer: LATTE's (arXiv:2009.08072) with a choice that sees what it chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from hgl.nn.chunked import chunked
from hgl.nn.latte_conv import NEGATIVE_SLOPE, MetaOutput, both_ends, check_heads, reset_linear
from hgl.ops import MetaPaths, MetaPlan, edge_softmax, weighted_segment_sum
from hgl.typing import NodeType


class LATTE2GOConv(nn.Module):
    """h'_v = ReLU(sum over m, self included, of beta_vm (omega_m * z_vm)), head by head.

    z_vm attends over the senders of meta-relation m; z_v,self is v's own vector x_v = W_t h_v. beta
    is a softmax over m of LeakyReLU(x_v . lambda_m + z_vm . mu_m) + bias_m.

    Differs from the reference, whose attention vectors have a half for the receiver: what it adds
    is the same for all edges of a softmax, so it changes nothing and is left out.

    Args:
        paths: the layer's meta-relations.
        channels: width in and out, over all heads.
        heads: attention heads.
        attention_dropout: probability on the attention within meta-relations.
    Raises: ConfigError: channels are not divisible by heads.
    """

    def __init__(
        self, paths: MetaPaths, *, channels: int, heads: int, attention_dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_heads(channels, heads)
        types, shape = paths.node_types, (heads, channels // heads)
        self.heads = heads
        # Per type, the meta-relations that lead to it, then the node itself.
        self.widths = [len(paths.receiving[t]) + 1 for t in types]
        choices = sum(self.widths)
        self.project = nn.ModuleList(nn.Linear(channels, channels) for _ in types)
        self.attention = nn.Parameter(torch.empty(len(paths), *shape))
        self.choice_own = nn.Parameter(torch.empty(choices, *shape))
        self.choice_neighbour = nn.Parameter(torch.empty(choices, *shape))
        self.choice_bias = nn.Parameter(torch.empty(choices))
        self.scale = nn.Parameter(torch.empty(choices, *shape))
        self.dropout = nn.Dropout(attention_dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-normal, each vector by itself; no bias, scale 1."""
        reset_linear(self.project)
        for vectors in (self.attention, self.choice_own, self.choice_neighbour):
            nn.init.xavier_normal_(vectors.flatten(0, 1).detach())
        nn.init.zeros_(self.choice_bias)
        nn.init.ones_(self.scale)

    def forward(self, x: Tensor, plan: MetaPlan) -> MetaOutput:
        """Run on [senders, channels], types concatenated."""
        parts = x.split(list(plan.num_src.values()))
        mapped = torch.cat([f(part) for f, part in zip(self.project, parts, strict=True)])
        of_src, of_dst = both_ends(mapped, plan)
        sent = torch.cat(
            [
                self._scores(x, self.attention[plan.paths.sending[t]])
                for x, t in zip(of_src, plan.num_src, strict=True)
            ]
        )
        received = sent.new_zeros(plan.received.count, self.heads)
        alpha = edge_softmax(sent, received, plan.pairs, negative_slope=1.0)
        z = weighted_segment_sum(
            mapped.unflatten(1, (self.heads, -1)),
            self.dropout(alpha),
            plan.groups,
        )
        out, beta = self._mixed(z, of_dst, plan)
        return MetaOutput(out, alpha, beta)

    def _scores(self, x: Tensor, vectors: Tensor) -> Tensor:
        """[nodes, channels] to [nodes * meta-relations, heads]."""
        per_head = leaky_relu(x, NEGATIVE_SLOPE).unflatten(1, (self.heads, -1))
        return torch.einsum("nhd,rhd->nrh", per_head, vectors).flatten(0, 1)

    def _mixed(
        self, z: Tensor, of_dst: Sequence[Tensor], plan: MetaPlan
    ) -> tuple[Tensor, dict[NodeType, Tensor]]:
        """[receivers, channels], and per type [nodes, meta-relations + 1]."""
        begins = [0, *accumulate(self.widths)]
        counts = [(width - 1) * len(x) for width, x in zip(self.widths, of_dst, strict=True)]
        outs, beta = [], {}
        for part, x, begin, width, node_type in zip(
            z.flatten(1).split(counts), of_dst, begins, self.widths, plan.num_dst, strict=False
        ):
            shared = [
                vectors[begin : begin + width]
                for vectors in (
                    self.choice_own,
                    self.choice_neighbour,
                    self.choice_bias,
                    self.scale,
                )
            ]
            by_relation = part.view(len(x), width - 1, x.shape[1]).transpose(0, 1)
            mixed = chunked(_choose, [by_relation, x.unsqueeze(0)], shared)[0]
            out, weight = mixed.split([x.shape[1], width * self.heads], 1)
            outs.append(out)
            beta[node_type] = weight.unflatten(1, (width, self.heads)).mean(2)
        return torch.cat(outs), beta


def _choose(
    z: Tensor, x: Tensor, own: Tensor, neighbour: Tensor, bias: Tensor, scale: Tensor
) -> Tensor:
    """[1, nodes, channels + choices * heads]: what is chosen, then the weights of the choices."""
    heads = own.shape[1:]
    every = torch.cat([z, x]).unflatten(2, heads)
    score = torch.einsum("nhd,rhd->rnh", x[0].unflatten(1, heads), own)
    score = score + torch.einsum("rnhd,rhd->rnh", every, neighbour)
    weight = (leaky_relu(score, NEGATIVE_SLOPE) + bias.view(-1, 1, 1)).softmax(0)
    out = torch.einsum("rnh,rhd,rnhd->nhd", weight, scale, every).relu()
    return torch.cat([out.flatten(1), weight.transpose(0, 1).flatten(1)], 1).unsqueeze(0)
