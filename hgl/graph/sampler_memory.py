"""Reading a graph's arrays by address, in the CPU sampler's kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


def _loading(bits: int, loaded: types.Type) -> Any:
    """Compile to one load of number `index` of the array at `address`."""

    def load(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return builder.load(builder.gep(pointer, [arguments[1]]))

        return loaded(types.int64, types.int64), generate

    return intrinsic(load)


load32 = _loading(32, types.int32)
load64 = _loading(64, types.int64)


def _requesting(typing_context: Any, address: Any) -> Any:
    """Compile to a request for the memory at `address`, which need not be there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        request = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        read, keep, data = number(0), number(3), number(1)
        builder.call(request, [builder.inttoptr(arguments[0], byte), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


prefetch: Any = intrinsic(_requesting)


@njit(nogil=True, cache=True)
def load(address: int, wide: bool, index: int) -> int:
    """Number `index` of an array of int64, or of int32."""
    if wide:
        return load64(address, index)
    return load32(address, index)


@njit(nogil=True, cache=True)
def prefetch_number(address: int, wide: bool, index: int) -> None:
    """Request what `load` would read."""
    prefetch(address + index * (8 if wide else 4))
