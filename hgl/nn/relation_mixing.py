"""How a node's vectors under its relations meet: crossing between layers, fusing at the end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

NEGATIVE_SLOPE = 0.2


class CrossRelationMessagePassing(nn.Module):
    """Let each relation of a node attend over all of them (arXiv:2105.11122, section 4.2).

    Relation r of a node becomes the sum over its relations s of a_rs z_s, with a_rs the softmax
    over s of LeakyReLU(z_s . p_r), head by head. A single relation is left alone.

    Args:
        num_relations: relations that enter the node type.
        channels: width of a head.
        heads: attention heads.
    """

    def __init__(self, num_relations: int, *, channels: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.empty(num_relations, heads, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier, of each query as a vector."""
        nn.init.xavier_normal_(self.query.view(-1, self.query.shape[2]), gain=2**0.5)

    def forward(self, z: Tensor, queries: Sequence[int] | None = None) -> Tensor:
        """Cross the relations of each node.

        Args:
            z: [relations, nodes, heads, channels].
            queries: relations to return; None for all.
        Returns: [queries, nodes, heads, channels].
        """
        queries = range(len(z)) if queries is None else queries
        return cross(z, self.query[list(queries)])


def cross(z: Tensor, query: Tensor) -> Tensor:
    """What `CrossRelationMessagePassing` computes, given the queries.

    Args:
        z: [relations, nodes, heads, channels].
        query: [queries, heads, channels].
    Returns: [queries, nodes, heads, channels].
    """
    if len(z) == 1:
        return z.expand(len(query), -1, -1, -1)
    return torch.stack([(_crossing(z, asked).unsqueeze(3) * z).sum(0) for asked in query])


def crossing_weights(z: Tensor, query: Tensor) -> Tensor:
    """[queries, relations, nodes, heads]: what `cross` weighs by; sums to 1 over relations."""
    return torch.stack([_crossing(z, asked) for asked in query])


def _crossing(z: Tensor, asked: Tensor) -> Tensor:
    """[relations, nodes, heads] weights of one query."""
    return leaky_relu((z * asked).sum(3), NEGATIVE_SLOPE).softmax(0)


class RelationFusing(nn.Module):
    """One vector per node from those it has under its relations (arXiv:2105.11122, section 4.4).

    Each relation's vector is mapped head by head, then weighed by how well it fits what the
    relation's state asks for. A single relation passes as it is.

    Args:
        num_relations: relations that enter the node type.
        channels: width of a head.
        heads: attention heads.
        relation_channels: width of a relation's state, per head.
        dropout: probability on the result.
    """

    def __init__(
        self,
        num_relations: int,
        *,
        channels: int,
        heads: int,
        relation_channels: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.empty(num_relations, heads, channels, channels))
        self.key = nn.Parameter(torch.empty(num_relations, heads, relation_channels, channels))
        self.dropout = nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier, of each head's matrix by itself (the reference takes a far too large fan-in)."""
        for matrix in (*self.value.flatten(0, 1), *self.key.flatten(0, 1)):
            nn.init.xavier_normal_(matrix, gain=2**0.5)

    def forward(self, x: Tensor, relation: Tensor) -> Tensor:
        """Fuse.

        Args:
            x: [relations, nodes, heads * channels].
            relation: [relations, heads * relation_channels] states.
        Returns: [nodes, heads * channels].
        """
        return self.dropout(self.fuse(x, relation)[0])

    def fuse(self, x: Tensor, relation: Tensor) -> tuple[Tensor, Tensor]:
        """The result before dropout, and the weights ([relations, nodes, heads])."""
        relations, heads, channels, _ = self.value.shape
        if relations == 1:
            return x[0], x.new_ones(1, x.shape[1], heads)
        per_head = x.unflatten(2, (heads, channels))
        value = torch.einsum("rnhi,rhio->rnho", per_head, self.value)
        key = torch.einsum("rhi,rhio->rho", relation.unflatten(1, (heads, -1)), self.key)
        score = torch.einsum("rnho,rho->rnh", value, key)
        weight = leaky_relu(score, NEGATIVE_SLOPE).softmax(0)
        return torch.einsum("rnh,rnho->nho", weight, value).flatten(1), weight
