"""Compile every triton kernel for an H100, which takes no GPU: `test_triton.py` runs this."""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from hgl.ops.backends import triton_attention, triton_pieces, triton_sums

H100 = GPUTarget("cuda", 90, 32)
SIZES = {"CUT": 2_048, "H": 8, "D": 64, "EDGES": 8, "HEADS": 8, "CHANNELS": 64, "SLOPE": 0.2}
COUNTS = ("num_segments", "num_rows")
INDICES = ("src", "sender", "ptr", "back_segment", "back_ptr", "back_edge")
SUMS = (
    "peak",
    "total",
    "peak_out",
    "total_out",
    "mean",
    "grad_score",
    "partial",
    "partial_peak",
    "partial_total",
)


def compiled(kernel: Any, number: str, total: str, index: str, absent: tuple[str, ...]) -> Any:
    """One kernel, its tensors of the given types."""
    names = kernel.arg_names
    types = {
        name: "i32"
        if name in COUNTS
        else f"*{index if name in INDICES else total if name in SUMS else number}"
        for name in names
        if name.islower() and name not in absent
    }
    sizes = SIZES | {"ACC": tl.float64 if total == "fp64" else tl.float32}
    source = ASTSource(
        fn=kernel,
        signature={name: types.get(name, "constexpr") for name in names},
        constexprs={(names.index(n),): sizes.get(n) for n in names if n not in types},
    )
    return triton.compile(source, target=H100)


KERNELS = [
    (triton_attention.attend, ()),
    (triton_attention.attend, ("extra", "sender")),
    (triton_attention.attend_backward, ()),
    (triton_attention.attend_backward, ("extra", "sender")),
    (triton_sums.sum_rows, ()),
    (triton_sums.sum_rows, ("weight", "src")),
    (triton_pieces.combine, ()),
    (triton_pieces.combine, ("partial_peak", "partial_total", "peak_out", "total_out")),
    (triton_sums.dot_edges, ()),
    (triton_sums.dot_rows, ()),
    (triton_attention.softmax, ()),
    (triton_attention.softmax_backward, ()),
]

for kernel, absent in KERNELS:
    for types in (("bf16", "fp32", "i32"), ("fp64", "fp64", "i64")):
        assert ".target sm_90" in compiled(kernel, *types, absent).asm["ptx"]
