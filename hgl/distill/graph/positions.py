"""Where nodes stand in a graph, as vectors: inputs that let a student do without links."""

from __future__ import annotations

import torch
from torch import Tensor

from hgl.distill.graph.view import GraphView

WINDOW = 5
"""Steps of a random walk within which two nodes count as seen together."""
STEPS = 10
"""Of the power iteration."""
RESTART = 0.1
"""Share of its own that a node keeps at each step."""


def pagerank(view: GraphView, h: Tensor) -> Tensor:
    """Spread [n, channels] over the links by personalised PageRank (arXiv:1810.05997)."""
    out = h
    for _ in range(STEPS):
        out = (1 - RESTART) * view.spread(out, view.symmetric) + RESTART * h
    return out


def pagerank_rows(view: GraphView, rows: Tensor) -> Tensor:
    """What each node contributes to some rows: [k, n] weights for rows [k]."""
    start = torch.zeros(view.num_nodes, len(rows))
    start[rows, torch.arange(len(rows))] = 1
    # The weights are symmetric, so rows are columns.
    return pagerank(view, start).T.contiguous()


def walk_positions(view: GraphView, channels: int) -> Tensor:
    """DeepWalk's vectors (arXiv:1403.6652) in closed form (NetMF, arXiv:1710.02971).

    A truncated singular value decomposition of how often nodes meet within `WINDOW` steps, which
    takes n² floats. Deterministic.

    Returns: [n, channels], of unit variance.
    """
    size = view.edges.degree
    step = total = torch.eye(view.num_nodes)
    total = torch.zeros_like(step)
    for _ in range(WINDOW):
        step = view.spread(step)
        total += step
    meeting = total / size.T * (size.sum() / WINDOW)
    log = meeting.clamp(min=1).log()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        left, scale, _ = torch.svd_lowrank(log, channels, niter=2)
    vectors = left * scale.sqrt()
    return vectors / vectors.std().clamp(min=1e-6)


def label_positions(view: GraphView, rows: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Personalised PageRank from the labelled nodes of each class, in shares: [n, num_classes].

    Args:
        rows: [k] labelled rows of the view.
        labels: [k] their classes.
    """
    start = torch.zeros(view.num_nodes, num_classes)
    start[rows, labels] = 1
    reached = pagerank(view, start)
    return reached / reached.sum(1, keepdim=True).clamp(min=1e-6)


def neighbour_mean(known: Tensor, seen: GraphView, whole: GraphView) -> Tensor:
    """Vectors of the nodes that were not seen: the mean of their seen neighbours'.

    So serving a node that was not seen needs its links; one without seen neighbours gets zeros.

    Args:
        known: [seen.num_nodes, channels].
    Returns: [whole.num_nodes, channels]; seen nodes keep what they have.
    """
    rows = whole.rows(seen.node_id)
    placed = known.new_zeros(whole.num_nodes, known.shape[1] + 1)
    placed[rows] = torch.cat([known, known.new_ones(len(known), 1)], dim=1)
    summed = whole.spread(placed)
    out = summed[:, :-1] / summed[:, -1:].clamp(min=1e-12)
    out[rows] = known
    return out
