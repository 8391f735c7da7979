"""How much a packed file holds, before any of it is kept: what fills a disk is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hgl.errors import SourceError

_LARGE = 1 << 30
_RATIO = 1000
"""Bytes that one byte of a file may stand for once there are many: data of rows that differ stay
far below, a file made to fill a disk does not."""
_STREAMS = {".gz": "gzip", ".zst": "zstd"}
_CHUNK = 1 << 20


def check_unpacked(table: str, file: Path) -> None:
    """Check that a Parquet file is one, and holds by its metadata what a file of its size can hold.

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
    _check(f"table {table!r}: {file.name}", file.stat().st_size, unpacked)


def check_archive(file: Path) -> None:
    """Check that a zip file, as an npz file is, holds by its list what a file of its size can hold.

    Raises: SourceError: it does not. OSError, BadZipFile: there is none.
    """
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    _check(str(file), file.stat().st_size, unpacked)


def check_stream(what: str, file: Path) -> None:
    """Check that a file that ends in .gz or .zst holds what a file of its size can hold.

    It says nowhere how much that is, so it is unpacked, and nothing is kept: a tenth of the time
    that DuckDB takes to read it. Damaged files pass: who reads them says what is wrong.

    Args:
        what: the file, for messages.
    Raises: SourceError: it does not.
    """
    kind = _STREAMS.get(file.suffix.lower())
    if kind is None:
        return
    unpacked = 0
    try:
        with file.open("rb") as packed, pa.CompressedInputStream(packed, kind) as stream:
            while chunk := stream.read(_CHUNK):
                unpacked += len(chunk)
                _check(f"{what}, as far as it was read,", packed.tell(), unpacked)
    except (OSError, pa.ArrowException):
        return


def _check(what: str, packed: int, unpacked: int) -> None:
    if unpacked > max(_LARGE, _RATIO * packed):
        raise SourceError(
            f"{what} has {packed} bytes and unpacks to {unpacked} or more; expected at most "
            f"{_RATIO} times its size"
        )
