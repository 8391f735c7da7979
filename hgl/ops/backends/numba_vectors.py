"""Instructions that numba does not write by itself: vectors, prefetches, unchecked places.

numba cannot know that two arrays do not overlap, so that it leaves loops over a row's channels in
scalars; and an index that may be negative costs a test at every access. Arrays are flat here.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_instruction: Any = intrinsic
"""Its own types speak of the generator, not of the call."""
_INT = ir.IntType(32)
_READ, _KEEP, _DATA = 0, 2, 1
"""`llvm.prefetch`: for reading, into the second cache, of data.

The first cache has few misses under way at a time; asking it for whole rows makes the kernels wait.
"""

WIDE, NARROW = 16, 8
"""Numbers in a vector."""


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of a flat array's element."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _lanes(context: Any, builder: Any, kind: Any, array: Any, index: Any, width: int) -> Any:
    """The address of `width` elements, as one vector."""
    number = context.get_data_type(kind.dtype)
    place = _place(context, builder, kind, array, index)
    return builder.bitcast(place, ir.VectorType(number, width).as_pointer())


def _shuffled(builder: Any, vector: Any, lanes: list[int]) -> Any:
    order = ir.Constant(ir.VectorType(_INT, len(lanes)), lanes)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), order)


@_instruction
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """Element `index` of an array; counts from the beginning only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], *arguments))

    return array.dtype(array, types.int64), generate


@_instruction
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Put `value` into element `index` of an array; counts from the beginning only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _place(context, builder, signature.args[0], *arguments[:2]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), generate


@_instruction
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of element `index`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments)
        place = builder.bitcast(place, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _INT, _INT, _INT])
        function = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(function, [place, *map(_INT, (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


def _adding(width: int) -> Any:
    """Compile to out[i:i + width] += factor * x[j:j + width]."""

    def add(typing_context: Any, out: Any, i: Any, factor: Any, x: Any, j: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds, align = signature.args, out.dtype.bitwidth // 8
            to = _lanes(context, builder, kinds[0], arguments[0], arguments[1], width)
            of = _lanes(context, builder, kinds[3], arguments[3], arguments[4], width)
            alone = ir.Constant(to.type.pointee, ir.Undefined)
            alone = builder.insert_element(alone, arguments[2], _INT(0))
            factors, fused = _shuffled(builder, alone, [0] * width), ("contract",)
            product = builder.fmul(factors, builder.load(of, align=align), flags=fused)
            total = builder.fadd(builder.load(to, align=align), product, flags=fused)
            builder.store(total, to, align=align)
            return context.get_dummy_value()

        return types.void(out, types.int64, out.dtype, x, types.int64), generate

    return _instruction(add)


def _dotting(width: int) -> Any:
    """Compile to the dot product of a[i:i + width] and b[j:j + width], added up in halves."""

    def dot(typing_context: Any, a: Any, i: Any, b: Any, j: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds, align = signature.args, a.dtype.bitwidth // 8
            left = _lanes(context, builder, kinds[0], arguments[0], arguments[1], width)
            right = _lanes(context, builder, kinds[2], arguments[2], arguments[3], width)
            total = builder.fmul(builder.load(left, align=align), builder.load(right, align=align))
            half = width
            while half > 1:
                half //= 2
                low = _shuffled(builder, total, list(range(half)))
                high = _shuffled(builder, total, list(range(half, 2 * half)))
                total = builder.fadd(low, high)
            return builder.extract_element(total, _INT(0))

        return a.dtype(a, types.int64, b, types.int64), generate

    return _instruction(dot)


add_wide, add_narrow = _adding(WIDE), _adding(NARROW)
dot_wide, dot_narrow = _dotting(WIDE), _dotting(NARROW)
