"""VQGraph's tokenizer (arXiv:2308.02117): a teacher that also names its nodes by codes.

Differs from the released code: quantisation is off the prediction path, words are reconstructed
rather than hidden states, links by sampled pairs rather than an n x n matrix, and teacher and
student are measured by one metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hgl.distill.graph.teacher import SageEncoder
from hgl.distill.graph.view import GraphView
from hgl.nn.codebook import Codebook, check_size
from hgl.ops import expand, weighted_segment_sum

PAIRS = 2048
"""Linked pairs drawn each epoch, and as many random ones."""


@dataclass(frozen=True)
class Reconstruction:
    """Weights of what codes must tell beside classes; 0 leaves a part out.

    Attributes:
        words: 1 - cosine between a node's words and those its code stands for.
        links: cross-entropy of linked pairs against as many random ones.
    """

    words: float = 1.0
    links: float = 0.1


class Tokenizer(nn.Module):
    """Classes from an encoder's nodes, and codes of their projection.

    Args:
        encoder: of nodes.
        num_words: width of the words.
        num_classes: to tell apart.
        codebook: what names nodes.
        reconstruction: what codes must tell.
    """

    def __init__(
        self,
        encoder: SageEncoder,
        num_words: int,
        num_classes: int,
        codebook: Codebook,
        reconstruction: Reconstruction,
    ) -> None:
        super().__init__()
        self.encoder, self.codebook, self.reconstruction = encoder, codebook, reconstruction
        width = codebook.channels
        self.project = nn.Sequential(nn.Linear(encoder.channels, width), nn.LayerNorm(width))
        self.head = nn.Linear(encoder.channels, num_classes)
        self.code_head = nn.Linear(width, num_classes)
        self.words = WordDecoder(width, num_words)
        self.links = LinkDecoder(width)

    def forward(self, view: GraphView) -> Tensor:
        """Return logits [n, num_classes]; no code is in between."""
        return self.head(self.encoder(view))

    def places(self, view: GraphView) -> Tensor:
        """Return where nodes are in code space: [n, code channels]."""
        return self.project(self.encoder(view))

    def loss(self, view: GraphView, rows: Tensor, labels: Tensor) -> Tensor:
        """One sum of all that is learnt.

        Args:
            rows: [k] labelled rows.
            labels: [k] their classes.
        Raises: ConfigError: the codebook is too large for the view.
        """
        check_size(self.codebook.num_codes, view.num_nodes)
        h = self.encoder(view)
        quantised, _, loss = self.codebook(self.project(h))
        loss = loss + cross_entropy(self.head(h)[rows], labels)
        loss = loss + cross_entropy(self.code_head(quantised)[rows], labels)
        if self.reconstruction.words:
            loss = loss + self.reconstruction.words * self.words(quantised, view)
        if self.reconstruction.links:
            loss = loss + self.reconstruction.links * self.links(quantised, view)
        return loss


class WordDecoder(nn.Module):
    """Mean of 1 - cosine(words, W q), computed without the [n, num_words] W q."""

    def __init__(self, channels: int, num_words: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_words, channels) / channels**0.5)

    def forward(self, q: Tensor, view: GraphView) -> Tensor:
        """Return a scalar, 0 to 2. `q`: [n, channels]."""
        # x · W q = (x W) · q, and |W q|² = q · (Wᵀ W) q.
        read = weighted_segment_sum(self.weight[:, None], view.counts, view.words)[:, 0]
        squares = view.counts.new_zeros(view.num_nodes).index_add(
            0, expand(view.words.ptr, view.words.num_edges), view.counts[:, 0].square()
        )
        decoded = (q @ (self.weight.T @ self.weight) * q).sum(1)
        length = (squares * decoded).clamp(min=1e-12).sqrt()
        return 1 - ((read * q).sum(1) / length).mean()


class LinkDecoder(nn.Module):
    """Tells linked pairs from random ones by the dot product of two projections."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, channels)

    def forward(self, q: Tensor, view: GraphView) -> Tensor:
        """Return a scalar; draws from torch's generator. `q`: [n, channels]."""
        ends = torch.stack([view.edges.src, expand(view.edges.ptr, view.edges.num_edges)])
        # A node's own link tells nothing.
        linked = ends[:, ends[0] != ends[1]]
        linked = linked[:, torch.randint(linked.shape[1], (PAIRS,))]
        pairs = torch.cat([linked, torch.randint(len(q), (2, PAIRS))], dim=1)
        f = self.project(q)
        score = (f[pairs[0]] * f[pairs[1]]).sum(1) / f.shape[1] ** 0.5
        truth = (torch.arange(2 * PAIRS) < PAIRS).float()
        return binary_cross_entropy_with_logits(score, truth)
