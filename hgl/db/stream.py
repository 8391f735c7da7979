"""Tables of a live database, batch by batch, into raw Parquet files that outlive a crash."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.cache import digest
from hgl.db.dialects import ARROW, Dialect, Kind
from hgl.db.files import table_file
from hgl.db.progress import NoProgress, Progress

log = logging.getLogger(__name__)


class Misfit(Exception):
    """A value contradicts its declared type; the table has to be read again with care."""


@dataclass(frozen=True)
class ReadColumn:
    """One column to read: stored name, quoted name in the source, and what it holds."""

    name: str
    quoted: str
    kind: Kind


@dataclass(frozen=True)
class TableRead:
    """One table to read: stored name, quoted name in the source, and its columns."""

    name: str
    quoted: str
    columns: tuple[ReadColumn, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema the table is stored with."""
        return pa.schema([(c.name, ARROW[c.kind]) for c in self.columns])

    def select(self, dialect: Dialect) -> str:
        """Return the SQL that reads the table, one output column per stored one."""
        columns = ", ".join(dialect.select(c.kind, c.quoted) for c in self.columns)
        return f"SELECT {columns} FROM {self.quoted}"


class Reader(Protocol):
    """Reads tables inside one read-only snapshot."""

    def batches(self, table: TableRead) -> Iterator[tuple[pa.RecordBatch, Counter[str]]]:
        """Yield the rows of `table` in batches of bounded size and of the table's schema, each
        with the number of values that did not fit, by column. Raises: Misfit.
        """

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the few rows of a query."""

    def careful(self, table: TableRead) -> tuple[TableRead, Mapping[str, int]]:
        """Return how to read a misfitting `table`, and what its columns lose.

        From then on `batches` does not raise Misfit for it.
        """

    def close(self) -> None:
        """End the snapshot."""


def read_tables(
    reader: Reader, tables: Sequence[TableRead], place: str, folder: Path, progress: Progress
) -> dict[str, int]:
    """Write each table to `folder`, skipping those an earlier, interrupted read finished.

    Args:
        place: identifies the source; what was read elsewhere is not reused.
    Returns: defects, for example `{"t.price: does not fit its type": 3}`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    defects: dict[str, int] = {}
    for table in tables:
        signature = digest(place, repr(table))
        record = _record(table, signature, folder)
        if record is None:
            record = _read_table(reader, table, signature, folder, progress)
        else:
            log.warning("%s: reusing rows of an earlier, interrupted snapshot", table.name)
        defects |= record
    return defects


def _record(table: TableRead, signature: str, folder: Path) -> dict[str, int] | None:
    """Return the defects noted when `table` was finished, None where it was not."""
    try:
        noted = json.loads(_note(folder, table).read_text())
    except (OSError, ValueError):
        return None
    whole = table_file(folder, table.name).is_file() and noted["signature"] == signature
    return noted["defects"] if whole else None


def _read_table(
    reader: Reader, table: TableRead, signature: str, folder: Path, progress: Progress
) -> dict[str, int]:
    """Write one table; the note that it is whole comes last."""
    _note(folder, table).unlink(missing_ok=True)
    file = table_file(folder, table.name)
    part = file.with_name(file.name + ".part")
    try:
        lost = _write(reader, table, part, progress)
    except Misfit as misfit:
        log.warning("%s: %s; reading it again value by value", table.name, misfit)
        fitting, nulled = reader.careful(table)
        lost = _write(reader, fitting, part, progress) + Counter(nulled)
    part.replace(file)
    defects = {f"{table.name}.{c}: does not fit its type": n for c, n in lost.items()}
    note = {"signature": signature, "defects": defects}
    _note(folder, table).write_text(json.dumps(note))
    return defects


def _write(reader: Reader, table: TableRead, file: Path, progress: Progress) -> Counter[str]:
    """Stream `table` to `file`; return how many values each column lost."""
    total = None
    if not isinstance(progress, NoProgress):
        ((total,),) = reader.rows(f"SELECT count(*) FROM {table.quoted}")
    progress.start(table.name, total)
    lost: Counter[str] = Counter()
    with pq.ParquetWriter(file, table.schema, compression="lz4", use_dictionary=False) as writer:
        for batch, misfits in reader.batches(table):
            lost += misfits
            writer.write_batch(batch)
            progress.advance(table.name, batch.num_rows)
    progress.finish(table.name)
    return lost


def _note(folder: Path, table: TableRead) -> Path:
    return table_file(folder, table.name).with_suffix(".json")
