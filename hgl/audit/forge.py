"""Other values of the same type, for rows that are not to matter."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LATER = 30 * 86400
"""Seconds by which times move."""
_STRIDE = 1_000_003
"""Added to numbers, whose signs turn as well: no scale hides that."""


def forged(column: pa.Array) -> pa.Array:
    """Return other values: numbers far off, texts reversed and marked, flags turned, times later.

    What is null becomes no value; neither does what has another type.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        return pc.invert(column)
    if pa.types.is_integer(kind):
        return pc.bit_wise_xor(column, pa.scalar(0b101, kind))
    if pa.types.is_floating(kind):
        return pc.subtract(pa.scalar(-_STRIDE, kind), column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = pc.utf8_reverse(column)
        return pc.binary_join_element_wise("forged", texts, " ").cast(kind)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return later(column)
    return column


def later(column: pa.Array, seconds: int = LATER) -> pa.Array:
    """Return timestamps or dates that much later."""
    kind = column.type
    exact = column if pa.types.is_timestamp(kind) else column.cast(pa.timestamp("s"))
    by = pa.scalar(timedelta(seconds=seconds), pa.duration(exact.type.unit))
    return pc.add(exact, by).cast(kind, safe=False)


def instants(seconds: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Return [n] int64 seconds since the epoch as timestamps or dates of a type."""
    plain = pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind
    return pa.array(seconds, pa.timestamp("s")).cast(plain, safe=False).cast(kind, safe=False)


def fresh_keys(column: pa.Array, added: np.ndarray) -> pa.Array:
    """Return a column of keys with new ones where rows were added: [rows] bool.

    Numbers go on from the largest one; texts say so; other types repeat.
    """
    kind, count = column.type, int(added.sum())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        first = (pc.max(column).as_py() or 0) + 1
        new = pa.array(np.arange(count)).cast(kind, safe=False)
        new = pc.add(new, pa.scalar(first, kind))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        new = pa.array([f"appended {i}" for i in range(count)], kind)
    else:
        return column
    return pc.replace_with_mask(column, pa.array(added), new)
