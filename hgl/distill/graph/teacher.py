"""Teachers: networks that read a node's words and those of its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hgl.distill.graph.dropout import dropout
from hgl.distill.graph.positions import pagerank
from hgl.distill.graph.view import GraphView
from hgl.ops import weighted_segment_sum


class WordLinear(nn.Module):
    """A linear layer on sparse word counts; costs what the counts that are not 0 cost.

    Args:
        num_words: width of the input.
        channels: of the output.
        dropout: share of counts left out while training.
    """

    def __init__(self, num_words: int, channels: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_words, channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.dropout = dropout
        nn.init.xavier_uniform_(self.weight)

    def forward(self, view: GraphView) -> Tensor:
        """Return [n, channels]."""
        counts = dropout(view.counts, self.dropout, self.training)
        return weighted_segment_sum(self.weight[:, None], counts, view.words)[:, 0] + self.bias


class SageEncoder(nn.Module):
    """GraphSAGE with its gcn aggregator (arXiv:1706.02216): two means over a node and neighbours.

    Args:
        num_words: width of the input.
        channels: of both layers.
        dropout: on words and between the layers.
    """

    def __init__(self, num_words: int, channels: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.channels, self.dropout = channels, dropout
        self.first = WordLinear(num_words, channels, dropout=dropout)

    def forward(self, view: GraphView, near: Tensor | None = None) -> Tensor:
        """Return [n, channels]; the second layer's weight is the head's. `near` is not used."""
        hidden = view.spread(self.first(view)).relu()
        return view.spread(dropout(hidden, self.dropout, self.training))


class PageRankEncoder(nn.Module):
    """PPNP (arXiv:1810.05997): a hidden layer, then personalised PageRank over the links.

    Differs: the PageRank of the rows that are trained on is known beforehand, so an epoch does not
    walk the links.

    Args:
        num_words: width of the input.
        channels: of the hidden layer.
        dropout: on words, hidden layer and PageRank.
    """

    def __init__(self, num_words: int, channels: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.channels, self.dropout = channels, dropout
        self.first = WordLinear(num_words, channels, dropout=dropout)

    def forward(self, view: GraphView, near: Tensor | None = None) -> Tensor:
        """Return [n, channels], or [k, channels] of the rows with PageRank `near`, [k, n].

        A linear head after it is as good as one before.
        """
        own = dropout(self.first(view).relu(), self.dropout, self.training)
        if near is None:
            return pagerank(view, own)
        return dropout(near, self.dropout, self.training) @ own


class Teacher(nn.Module):
    """Classes from an encoder's nodes by a linear head."""

    def __init__(self, encoder: SageEncoder | PageRankEncoder, num_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.channels, num_classes)

    def forward(self, view: GraphView, near: Tensor | None = None) -> Tensor:
        """Return logits [n, num_classes], or those of some rows; see the encoder."""
        return self.head(self.encoder(view, near))
