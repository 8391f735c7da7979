"""The records of a store: of the folder that `hgl bench` works in."""

from __future__ import annotations

from pathlib import Path

from hgl.errors import CacheError
from hgl.results.record import Record

RECORDS = "records"
"""Its folder of one JSON file per run."""


def read_records(store: Path) -> tuple[list[Record], list[CacheError]]:
    """Return the records of a store in the order of their names, and what is wrong with others."""
    records, errors = [], []
    for file in sorted((store / RECORDS).glob("*.json")):
        try:
            records.append(Record.read(file))
        except CacheError as error:
            errors.append(error)
    return records, errors
