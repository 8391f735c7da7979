"""The columns of one or a few seeds, read this moment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hgl.aggregates.check import check
from hgl.aggregates.live.cells import Cells, Parts
from hgl.aggregates.live.changes import changes
from hgl.aggregates.live.keys import key_values
from hgl.aggregates.live.needs import needs
from hgl.aggregates.live.place import Place
from hgl.aggregates.live.query import known_query, query, query_many
from hgl.aggregates.live.snapshot import snapshot
from hgl.aggregates.live.source import read_tables, source_place
from hgl.aggregates.live.times import with_parents
from hgl.aggregates.plan import FeaturePlan
from hgl.aggregates.table import FeatureTable
from hgl.db.database import Database
from hgl.db.live import LiveReader, SqliteDriver, ValueRefused, live_reader
from hgl.db.schema import Schema
from hgl.errors import ConfigError, HglError, SchemaError

_AT_ONCE = 1000
"""Seeds of one statement."""
_LOOKING = 600.0
"""Seconds that looking through a column may take."""
_FIRST, _LAST = -62135596800, 253402300799
"""Seconds of the years 1 and 9999."""


class UnknownEntity(HglError):
    """A key names no row. `positions` are those of all such keys among the keys given."""

    def __init__(
        self, entity: str, keys: Sequence[Mapping[str, Any]], positions: list[int]
    ) -> None:
        self.positions = positions
        first = ", ".join(f"{c}={v!r}" for c, v in keys[positions[0]].items())
        more = f" (and {len(positions) - 1} more)" if len(positions) > 1 else ""
        super().__init__(f"table {entity!r} has no row with {first}{more}")


class LiveFeatures:
    """The columns of a plan, from a live database (`open`) or a snapshot (`of`).

    Any number of threads may ask at once.

    Attributes:
        sql: the statement of one seed.
    """

    def __init__(
        self, reader: LiveReader, place: Place, plan: FeaturePlan, live: _Live | None
    ) -> None:
        self._query = query(place, plan)
        self.plan, self.sql = plan, self._query.text
        self._reader, self._place, self._live = reader, place, live
        self._cells = Cells(place, plan, self._query)
        self._known = known_query(place, plan)
        self._many = query_many(place, plan).text if place.dialect == "postgresql" else ""
        self._reader.rows(self.sql, self._parameters([None] * len(place.key), 0))

    @classmethod
    def open(
        cls,
        url: str,
        schema: Schema,
        plan: FeaturePlan,
        *,
        sql_schema: str | None = None,
        views: Sequence[str] = (),
        timeout: float = 5.0,
    ) -> LiveFeatures:
        """Open a live SQLite or PostgreSQL database; it is only ever read.

        Columns that hold times as text or numbers are looked through once, to see how.

        Args:
            schema: of the arranged copy that the plan was made from.
            sql_schema, views: as for `Database.open`.
            timeout: seconds a statement may take.
        Raises: SourceError: it cannot be reached. SchemaError: it is no longer what the plan was
            made from, or a table cannot be read live. MissingExtra: its driver is not installed.
        """
        check(schema, plan)
        reader, dialect = live_reader(url, timeout)
        live = _Live(url, schema, plan, sql_schema, tuple(views), dialect)
        live.check()
        looking, _ = live_reader(url, _LOOKING)
        return cls(reader, live.place(looking), plan, live)

    @classmethod
    def of(cls, db: Database, plan: FeaturePlan, *, timeout: float = 5.0) -> LiveFeatures:
        """Open a snapshot of `db`: an indexed SQLite file in the cache, made where it is absent.

        Raises: SchemaError: `db` lacks what the plan needs. CacheError, SourceError: the cache
            cannot be written.
        """
        check(db.schema, plan)
        file, place = snapshot(db, plan)
        return cls(LiveReader(SqliteDriver(file, timeout, immutable=True)), place, plan, None)

    def fetch(self, keys: Sequence[Mapping[str, Any]], times: Sequence[float]) -> FeatureTable:
        """Return the columns of seeds.

        Args:
            keys: [n] values of the entity table's primary key by column.
            times: [n] seconds since the epoch; fractions are cut off.
        Raises: UnknownEntity: keys name no row. SchemaError: keys lack a column; a table or column
            is gone. ConfigError: a time is none. SourceError: the database does not answer.
        """
        if len(keys) != len(times):
            raise ConfigError(f"{len(keys)} keys and {len(times)} times: expected as many")
        whole = [_seconds(time) for time in times]
        values = [key_values(self._place, self.plan.entity_table, key) for key in keys]
        rows = self._rows(values, whole)
        if missing := [i for i, row in enumerate(rows) if row is None]:
            raise UnknownEntity(self.plan.entity_table, keys, missing)
        return self._cells.table([row for row in rows if row is not None], whole)

    def known(self, keys: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return whether each key names a row: [n], bool. Raises: as `fetch`."""
        found = []
        for key in keys:
            values = key_values(self._place, self.plan.entity_table, key)
            try:
                found.append(bool(self._reader.rows(self._known, self._named(values))))
            except ValueRefused:
                found.append(False)
        return np.array(found, bool)

    def check_schema(self) -> None:
        """Compare the database with what the plan was made from; a snapshot never changes.

        Raises: SchemaError: a table or column that the plan needs is gone or holds something else.
        """
        if self._live is not None:
            self._live.check()

    def close(self) -> None:
        """Close idle connections."""
        self._reader.close()

    def _rows(self, values: Sequence[list[Any]], times: Sequence[int]) -> list[Parts | None]:
        """Return the row of each seed; None where there is no entity."""
        try:
            if len(values) > 1 and self._many:
                return self._rows_at_once(values, times)
            parameters = [self._parameters(v, t) for v, t in zip(values, times)]
            if len(parameters) == 1:
                found = [self._reader.rows(self.sql, parameters[0])]
            else:
                found = self._reader.each(self.sql, parameters)
            return [_known(parts) for parts in found]
        except ValueRefused:
            if len(values) == 1:
                return [None]
            return [self._rows([v], [t])[0] for v, t in zip(values, times)]
        except SchemaError:
            self.check_schema()
            raise

    def _rows_at_once(
        self, values: Sequence[list[Any]], times: Sequence[int]
    ) -> list[Parts | None]:
        found: list[list[Any]] = [[] for _ in values]
        for start in range(0, len(values), _AT_ONCE):
            asked = slice(start, start + _AT_ONCE)
            columns = [list(column) for column in zip(*values[asked])]
            limits = [self._limit(t) for t in times[asked]]
            parameters = [*columns, limits, list(times[asked])]
            for number, *row in self._reader.rows(self._many, parameters):
                found[start + number - 1].append(row)
        return [_known(parts) for parts in found]

    def _parameters(self, values: Sequence[Any], time: int) -> Sequence[Any] | dict[str, Any]:
        limit = self._limit(time)
        if self._place.dialect == "postgresql":
            return [*values, limit, time]
        return {**self._named(values), "limit": limit, "time": time}

    def _named(self, values: Sequence[Any]) -> Any:
        if self._place.dialect == "postgresql":
            return list(values)
        return {f"key_{i}": value for i, value in enumerate(values)}

    def _limit(self, time: int) -> int:
        return time - 1 if self.plan.cut == "strict" else time


class _Live:
    """A live database, as a plan needs it."""

    def __init__(
        self,
        url: str,
        schema: Schema,
        plan: FeaturePlan,
        sql_schema: str | None,
        views: tuple[str, ...],
        dialect: Any,
    ) -> None:
        self._url, self._schema, self._entity = url, schema, plan.entity_table
        self._needed = with_parents(schema, needs(schema, plan))
        self._sql_schema, self._views, self._dialect = sql_schema, views, dialect

    def check(self) -> None:
        """Raises: SchemaError: a table or column is gone or holds something else."""
        found = changes(self._schema, self._entity, self._needed, self._reads(), self._dialect)
        if found:
            raise SchemaError(
                f"the database is not what the plan was made from: {'; '.join(found)}"
            )

    def place(self, reader: LiveReader) -> Place:
        """Return where and how it holds what the plan needs."""
        return source_place(
            self._dialect, reader.rows, self._reads(), self._schema, self._entity, self._needed
        )

    def _reads(self) -> Any:
        return read_tables(self._url, self._schema, self._sql_schema, self._views)


def _known(parts: Parts) -> Parts | None:
    """Return the rows of a seed's parts; None where its entity's own is absent."""
    return parts if any(row[0] == 0 for row in parts) else None


def _seconds(time: float) -> int:
    """Return whole seconds. Raises: ConfigError: it is no time between the years 1 and 9999."""
    if not math.isfinite(time) or not _FIRST <= time <= _LAST:
        raise ConfigError(f"time {time!r}: expected seconds since the epoch, years 1 to 9999")
    return math.floor(time)
