"""The records of a store that `hgl bench` left."""

from __future__ import annotations

import json
from pathlib import Path

from hgl.errors import CacheError
from hgl.report.page.gap import Gap
from hgl.report.page.record import Record, from_mapping

RECORDS = "records"


def read_store(store: Path) -> tuple[list[Record], list[Gap]]:
    """Return the records of a store in the order of their names, and those that cannot be read.

    Raises: CacheError: it is no store.
    """
    files = sorted((store / RECORDS).glob("*.json"))
    if not files:
        raise CacheError(
            f"store={str(store)!r}: expected the folder that hgl bench left, with records/*.json"
        )
    records, gaps = [], []
    for file in files:
        try:
            records.append(from_mapping(_content(file), file))
        except CacheError as error:
            gaps.append(Gap(f"record {file.name}", str(error)))
    return records, gaps


def _content(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CacheError(f"it cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise CacheError("it is no mapping")
    return content
