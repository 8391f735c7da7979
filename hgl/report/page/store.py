"""The records of a store that `hgl bench` left."""

from __future__ import annotations

from pathlib import Path

from hgl.errors import CacheError
from hgl.report.page.gap import Gap
from hgl.results.record import Record
from hgl.results.store import RECORDS, read_records


def read_store(store: Path) -> tuple[list[Record], list[Gap]]:
    """Return the records of a store in the order of their names, and those that cannot be read.

    Raises: CacheError: it is no store.
    """
    records, errors = read_records(store)
    if not records and not errors:
        raise CacheError(
            f"store={str(store)!r}: expected the folder that hgl bench left, with {RECORDS}/*.json"
        )
    return records, [Gap("row", str(error)) for error in errors]
