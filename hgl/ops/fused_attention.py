"""Attention in one pass, on backends that have it: what `segment_softmax_sum` then runs."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from hgl.ops.backends import FusedBackend, current
from hgl.ops.segments import Segments
from hgl.ops.shapes import check_edges, check_rows, check_segments


def fused_attention(
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    segments: Segments,
    *,
    edge: Tensor | None,
    negative_slope: float,
    rows: Segments | None,
) -> Tensor:
    """See `segment_softmax_sum`. Kept for backward: inputs, output and two [segments, heads].

    Backward gathers the output's gradient once per edge and makes the weights again.
    """
    senders, rows = segments, rows or segments
    check_rows("x", x, rows, None, None)
    check_rows("score_src", score_src, senders, x.shape[1])
    check_segments("score_dst", score_dst, senders, x.shape[1])
    if edge is not None:
        check_edges("edge", edge, senders, x.shape[1])
    back, of_sender = rows.transpose, senders.transpose
    assert back.edge is not None
    assert of_sender.edge is not None
    return _attend(
        *(x, score_src, score_dst, edge),
        *(rows.src, rows.ptr, back.segment, back.ptr, back.edge),
        *(None if rows is senders else senders.src, of_sender.ptr, of_sender.edge),
        negative_slope,
    )[0]


@torch.library.custom_op("hgl::attend", mutates_args=())
def _attend(
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    src: Tensor,
    ptr: Tensor,
    back_segment: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
    sender: Tensor | None,
    sender_ptr: Tensor,
    sender_edge: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    fused = cast("FusedBackend", current(x))
    return fused.attend(x, score_src, score_dst, edge, src, sender, ptr, negative_slope)


@_attend.register_fake
def _(
    x: Tensor, score_src: Tensor, score_dst: Tensor, edge: Tensor | None, src: Tensor, *plan: Any
) -> tuple[Tensor, Tensor, Tensor]:
    out = x.new_empty(plan[0].shape[0] - 1, *x.shape[1:])
    kind = torch.promote_types(x.dtype, torch.float32)
    peak, total = (out.new_empty(out.shape[:2], dtype=kind) for _ in range(2))
    return out, peak, total


@torch.library.custom_op("hgl::attend_backward", mutates_args=())
def _attend_backward(
    grad: Tensor,
    out: Tensor,
    peak: Tensor,
    total: Tensor,
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    ptr: Tensor,
    back_segment: Tensor,
    back_ptr: Tensor,
    back_edge: Tensor,
    sender: Tensor | None,
    sender_ptr: Tensor,
    sender_edge: Tensor,
    negative_slope: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return cast("FusedBackend", current(x)).attend_backward(
        *(grad, out, peak, total, x, score_src, score_dst, edge, ptr),
        back=(back_segment, back_ptr, back_edge),
        sender=sender,
        sender_back=(sender_ptr, sender_edge),
        negative_slope=negative_slope,
    )


@_attend_backward.register_fake
def _(
    grad: Tensor,
    out: Tensor,
    peak: Tensor,
    total: Tensor,
    x: Tensor,
    score_src: Tensor,
    score_dst: Tensor,
    edge: Tensor | None,
    ptr: Tensor,
    back_segment: Tensor,
    *plan: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    per_edge = peak.new_empty(back_segment.shape[0], x.shape[1])
    of_x, of_src, of_dst = (torch.empty_like(tensor) for tensor in (x, score_src, score_dst))
    return of_x, of_src, of_dst, per_edge


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, score_src, score_dst, edge, _, *plan, ctx.negative_slope = inputs
    ctx.save_for_backward(*output, x, score_src, score_dst, edge, *plan)


def _backward(ctx: Any, grad: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
    kept = ctx.saved_tensors
    *ends, of_edge = _attend_backward(grad, *kept, ctx.negative_slope)
    edge = kept[6]
    return *ends, None if edge is None else of_edge.to(edge.dtype), *[None] * 9


_attend.register_autograd(_backward, setup_context=_keep)
