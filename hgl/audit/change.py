"""Databases that are the same up to a horizon, and others beyond it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hgl.audit.forge import forged, fresh_keys, instants, later
from hgl.audit.horizon import Change, Horizon
from hgl.audit.rows import Rows, changed_rows
from hgl.db import times
from hgl.db.arrange import fingerprint
from hgl.db.database import Database
from hgl.db.files import share, table_file
from hgl.db.schema import ForeignKey, TableSchema, write_manifest
from hgl.typing import STATIC_TIME, UNKNOWN_TIME


def changed(
    db: Database,
    horizon: Horizon,
    change: Change,
    folder: Path,
    tables: Collection[str] | None = None,
) -> Database:
    """Return `db` with other rows beyond a horizon; those up to it, and their positions, stay.

    One table at a time is in memory.

    Args:
        folder: empty, for the changed tables; others are the same files.
        tables: that change; None for all that have a time. Static ones stay as they are.
    """
    timed = [t.name for t in db.schema.tables.values() if t.time_col is not None]
    chosen = timed if tables is None else [name for name in timed if name in tables]
    stays = horizon.stays(db)
    rows = changed_rows(db, stays, change, chosen)
    aims = {name: _aims(name, kept, horizon) for name, kept in stays.items()}
    (folder / "db").mkdir(parents=True)
    made = {}
    for name, table in db.schema.tables.items():
        file = table_file(folder / "db", name)
        if name in chosen or any(rows[f.parent].moved for f in table.fkeys):
            beyond = (
                rows[name]
                if name in chosen
                else dataclasses.replace(rows[name], beyond=np.zeros(len(rows[name].source), bool))
            )
            changing = _Changing(db, table, change, horizon.last, beyond, rows, aims)
            pq.write_table(changing.table(), file)
            table = dataclasses.replace(table, num_rows=len(rows[name].source))
        else:
            share(db.path(name), file)
        made[name] = table
    schema = dataclasses.replace(db.schema, tables=made)
    schema = dataclasses.replace(schema, fingerprint=fingerprint(schema, folder / "db"))
    write_manifest(schema, folder)
    return Database(folder, schema, db.until)


def _aims(name: str, stays: np.ndarray, horizon: Horizon) -> np.ndarray:
    """Rows that forged keys refer to: the seeds', or any that may be seen."""
    own = [s.entity for s in horizon.asked.values() if s.task.entity_table == name]
    return np.unique(np.concatenate(own)) if own else np.flatnonzero(stays)


@dataclass
class _Changing:
    """One table on its way.

    Attributes:
        last: the horizon's instant, in seconds.
        rows: of the table; where none is beyond the horizon, only positions change.
        others: of every table.
        aims: by table, rows that forged keys refer to.
    """

    db: Database
    schema: TableSchema
    change: Change
    last: int
    rows: Rows
    others: Mapping[str, Rows]
    aims: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(0)
        stored = pq.read_table(self.db.path(self.schema.name))
        self.columns = {
            name: stored.column(name).take(pa.array(self.rows.source)).combine_chunks()
            for name in stored.column_names
        }

    def table(self) -> pa.Table:
        """Return the changed table."""
        if self.change == "shuffle":
            self._shuffle()
        elif self.change in ("forge", "append"):
            self._forge()
        self._point()
        if self.schema.row_col is not None:
            position = np.arange(len(self.rows.source))
            kind = self.columns[self.schema.row_col].type
            self.columns[self.schema.row_col] = pa.array(position).cast(kind)
        return pa.table(self.columns)

    def _shuffle(self) -> None:
        """Permute each value, and each foreign key, among the rows beyond."""
        beyond = np.flatnonzero(self.rows.beyond)
        for names in (*([name] for name in self._content()), *map(self._of_key, self.schema.fkeys)):
            order = np.arange(len(self.rows.source))
            order[beyond] = self.random.permutation(beyond)
            for name in names:
                self.columns[name] = self.columns[name].take(pa.array(order))

    def _forge(self) -> None:
        """Replace values, times and keys of the rows beyond, or of those added."""
        mask = self.rows.added if self.change == "append" else self.rows.beyond
        for name in self._content():
            self._replace(name, mask, forged(self.columns[name]))
        self._move_times(mask)
        for name in self._own_key():
            self.columns[name] = fresh_keys(self.columns[name], self.rows.added)
        for fkey in self.schema.fkeys:
            self._redirect(fkey, mask)

    def _move_times(self, mask: np.ndarray) -> None:
        name = str(self.schema.time_col)
        column = self.columns[name]
        known = times.seconds(column, rounding="up")
        timed = (known != UNKNOWN_TIME) & (known != STATIC_TIME)
        if self.change == "append":
            end = max(known[timed].max(initial=self.last), self.last)
            new = instants(end + np.arange(len(known)), column.type)
        else:
            # A row before one that stays keeps its time, or rows would not lie in its order.
            before = np.flatnonzero(~mask & timed).max(initial=-1)
            mask, new = mask & (np.arange(len(mask)) > before), later(column)
        self._replace(name, mask, new)

    def _redirect(self, fkey: ForeignKey, mask: np.ndarray) -> None:
        """Let a foreign key refer to what seeds may see; its own columns say the same."""
        aims = self.aims[fkey.parent]
        if not len(aims):
            return
        parents = self.random.choice(aims, len(mask))
        keys = {
            name: theirs
            for name, theirs in zip(fkey.columns, fkey.parent_columns)
            if name in self._of_key(fkey)
        }
        wanted = list(dict.fromkeys(keys.values()))
        if wanted:
            stored = pq.read_table(self.db.path(fkey.parent), columns=wanted)
            for name, theirs in keys.items():
                values = stored.column(theirs).take(pa.array(parents)).combine_chunks()
                self._replace(name, mask, values.cast(self.columns[name].type))
        kind = self.columns[fkey.row_col].type
        self._replace(fkey.row_col, mask, pa.array(parents).cast(kind))

    def _point(self) -> None:
        """Let foreign keys refer to where their parents stand now."""
        for fkey in self.schema.fkeys:
            parents = self.others[fkey.parent]
            if parents.moved:
                column = self.columns[fkey.row_col]
                old = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
                new = np.where(old < 0, -1, parents.position[old])
                self.columns[fkey.row_col] = pa.array(new, mask=new < 0).cast(column.type)

    def _replace(self, name: str, mask: np.ndarray, values: pa.Array) -> None:
        self.columns[name] = pc.if_else(pa.array(mask), values, self.columns[name])

    def _content(self) -> Iterator[str]:
        """Columns that are neither keys nor the row's time."""
        for name in self.columns:
            if name not in self.schema.key_columns and name != self.schema.time_col:
                yield name

    def _own_key(self) -> list[str]:
        """Columns of the primary key that no foreign key and no time is made of."""
        other = {self.schema.time_col, self.schema.row_col}
        for fkey in self.schema.fkeys:
            other |= {fkey.row_col, *fkey.columns}
        return [name for name in self.schema.pkey if name not in other]

    def _of_key(self, fkey: ForeignKey) -> list[str]:
        """Columns that only this foreign key is made of: those that may change with it."""
        taken = {self.schema.time_col, *self.schema.pkey}
        for other in self.schema.fkeys:
            if other != fkey:
                taken |= set(other.columns)
        return [n for n in dict.fromkeys((*fkey.columns, fkey.row_col)) if n not in taken]
