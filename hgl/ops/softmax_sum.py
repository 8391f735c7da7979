"""Attention: the weighted sum of rows, weights from both ends of an edge."""

from __future__ import annotations

from torch import Tensor

from hgl.ops.backends import FUSED, running
from hgl.ops.edge_softmax import edge_softmax
from hgl.ops.fused_attention import fused_attention
from hgl.ops.segments import Segments
from hgl.ops.weighted_sum import weighted_segment_sum


def segment_softmax_sum(
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    segments: Segments,
    *,
    edge: Tensor | None = None,
    edge_x: Tensor | None = None,
    negative_slope: float = 0.2,
    rows: Segments | None = None,
    edge_rows: Segments | None = None,
) -> Tensor:
    """Attend: `edge_softmax`, then the weighted sum of rows.

    Graph attention (arXiv:1710.10903) with any segments. Memory beside inputs and output: [edges,
    heads], no [edges, channels] temporary; on CUDA with triton, forward, [segments, heads].

    Args:
        x: [num_src, heads, channels], of `rows` where those are given.
        score_src, score_dst, edge, negative_slope: see `edge_score`.
        edge_x: [num_edges, heads, channels] what edges add to what they gather; of `edge_rows`
            where those are given.
        rows: the same edges, gathering other rows: for `x` whose rows are not those of `score_src`.
        edge_rows: the same edges, gathering rows of `edge_x`: for rows that many edges share.
    Returns: [num_segments, heads, channels]; zero for a segment without edges.
    Raises: ConfigError: a shape does not fit.
    """
    if edge_x is not None:
        weight = edge_softmax(
            score_src, score_dst, segments, edge=edge, negative_slope=negative_slope
        )
        own = weighted_segment_sum(edge_x, weight, edge_rows or segments.own_rows)
        return own + weighted_segment_sum(x, weight, rows or segments)
    if running(x.device.type) in FUSED:
        return fused_attention(
            x, score_src, score_dst, segments, edge=edge, negative_slope=negative_slope, rows=rows
        )
    weight = edge_softmax(score_src, score_dst, segments, edge=edge, negative_slope=negative_slope)
    return weighted_segment_sum(x, weight, rows or segments)
