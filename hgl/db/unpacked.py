"""How much a Parquet file holds by its own metadata, before any of it is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hgl.errors import SourceError

_LARGE = 1 << 30
_RATIO = 1000
"""Bytes that one byte of a file may stand for once there are many: data of rows that differ stay
far below, a file made to fill a disk does not."""


def check_unpacked(table: str, file: Path) -> None:
    """Check that a Parquet file is one, and holds what a file of its size can hold.

    Raises: SourceError: it is not, or does not.
    """
    try:
        metadata = pq.read_metadata(file)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"table {table!r}: {file.name} cannot be read: {reason}") from None
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    stated = sum(group.total_byte_size for group in groups)
    # Runs of one value need no bytes of their own: each cell counts as one at least.
    unpacked = max(stated, metadata.num_rows * metadata.num_columns)
    packed = file.stat().st_size
    if unpacked > max(_LARGE, _RATIO * packed):
        raise SourceError(
            f"table {table!r}: {file.name} has {packed} bytes and unpacks to {unpacked} or more; "
            f"expected at most {_RATIO} times its size"
        )
