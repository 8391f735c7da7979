"""The student: an MLP over a node's own words and, if it is given any, the node's position."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hgl.distill.graph.dropout import dropout
from hgl.distill.graph.teacher import WordLinear
from hgl.distill.graph.view import GraphView


class Student(nn.Module):
    """Classes and a place in the teacher's code space, from one hidden layer.

    Args:
        num_words: width of the words.
        position_channels: of the positions; 0 for none.
        channels: of the hidden layer.
        num_classes: to tell apart.
        code_channels: of the teacher's codebook.
        dropout: on the hidden layer.
        word_dropout: on words.
    """

    def __init__(
        self,
        num_words: int,
        position_channels: int,
        channels: int,
        num_classes: int,
        code_channels: int,
        *,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.words = WordLinear(num_words, channels, dropout=word_dropout)
        start = torch.randn(position_channels, channels) / max(position_channels, 1) ** 0.5
        self.position = nn.Parameter(start)
        self.dropout = dropout
        self.head = nn.Linear(channels, num_classes)
        self.project = nn.Sequential(
            nn.Linear(channels, code_channels), nn.LayerNorm(code_channels)
        )

    def forward(self, view: GraphView, position: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [n, num_classes] and places in code space [n, code_channels].

        Links of the view are not read.

        Args:
            position: [n, position_channels].
        """
        hidden = (self.words(view) + position @ self.position).relu()
        hidden = dropout(hidden, self.dropout, self.training)
        return self.head(hidden), self.project(hidden)
