"""Row-wise functions in pieces small enough for the cache, computed again in backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

ROWS = 1024
"""Rows at a time."""


def chunked(
    function: Callable[..., Tensor], rows: Sequence[Tensor], shared: Sequence[Tensor]
) -> Tensor:
    """Apply `function` to a few rows at a time; what lies between input and output is not kept.

    Of a chain of elementwise steps over a tensor larger than the cache, the memory traffic is the
    cost: this reads the inputs and writes the output once. On CUDA all rows are one chunk.

    Args:
        function: of the rows' chunks, then `shared`; must not draw random numbers. It treats rows
            independently and returns [groups, rows of the chunk, …].
        rows: tensors of shape [groups, rows, …]; groups may differ, rows are as many in all.
        shared: tensors that every chunk sees whole.
    Returns: [groups, rows, …].
    """
    return _Chunked.apply(function, len(rows), *rows, *shared)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], split: int, *tensors: Tensor) -> Tensor:
        ctx.function, ctx.split = function, split
        ctx.save_for_backward(*tensors)
        rows, shared = tensors[:split], tensors[split:]
        out = None
        for begin, end in _spans(rows[0]):
            part = function(*(x[:, begin:end] for x in rows), *shared)
            if out is None:
                out = part.new_empty(part.shape[0], rows[0].shape[1], *part.shape[2:])
            out[:, begin:end] = part
        assert out is not None
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        tensors, split = ctx.saved_tensors, ctx.split
        wanted = [i for i, need in enumerate(ctx.needs_input_grad[2:]) if need]
        # Every row is written once, so only what all chunks add to must start from zero.
        into = {
            i: torch.empty_like(tensors[i]) if i < split else torch.zeros_like(tensors[i])
            for i in wanted
        }
        for begin, end in _spans(tensors[0]):
            inputs = [x[:, begin:end] for x in tensors[:split]] + list(tensors[split:])
            inputs = [x.detach().requires_grad_(i in into) for i, x in enumerate(inputs)]
            with torch.enable_grad():
                part = ctx.function(*inputs)
            found = torch.autograd.grad(
                part,
                [inputs[i] for i in wanted],
                grads[0][:, begin:end],
                materialize_grads=True,
            )
            for i, grad in zip(wanted, found, strict=True):
                if i < split:
                    into[i][:, begin:end] = grad
                else:
                    into[i] += grad
        return None, None, *(into.get(i) for i in range(len(tensors)))


def _spans(x: Tensor) -> list[tuple[int, int]]:
    count = x.shape[1]
    size = ROWS if x.device.type == "cpu" else max(count, 1)
    return [(begin, min(begin + size, count)) for begin in range(0, max(count, 1), size)]
