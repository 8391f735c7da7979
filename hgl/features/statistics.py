"""What the encoders must know of each column, from training time only.

Every query here is limited to rows no later than the validation timestamp (design contract 4;
RelBench's own statistics reach to the test timestamp). Tables without a time column count whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from hgl.db.overrides import STATED
from hgl.db.schema import TableSchema
from hgl.features.dates import date_like, every
from hgl.features.periods import YEAR
from hgl.typing import TableLayout

NUM_BINS = 8
"""Bins of equal count between a numerical column's knots."""
QUANTILE_ROWS = 1_000_000
"""Rows looked at for quantiles, about: DuckDB holds what it sorts in memory."""
MAX_CATEGORIES = 4096
"""Rarer categories share the unknown code."""
_QUANTILES = [i / (2 * NUM_BINS) for i in range(2 * NUM_BINS + 1)]


@dataclass(frozen=True)
class Scale:
    """Robust centre and spread of a column: its median, and the distance between its quartiles."""

    centre: float = 0.0
    spread: float = 1.0
    knots: tuple[float, ...] = ()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scale [n] float64 to [n] float32; NaN stays NaN."""
        return ((values - self.centre) / self.spread).astype(np.float32)


@dataclass(frozen=True)
class TableStatistics:
    """Statistics of the columns of one table, by column name.

    Attributes:
        columns: semantic type of each encoded column.
        until: validation timestamp in seconds; later rows were not looked at.
        scales: of numerical columns.
        ages: of timestamp columns, in years.
        spans: of timestamp columns, seconds from first to last.
        vocabularies: known values of categorical columns, most frequent first.
    """

    columns: dict[str, str]
    until: int
    scales: dict[str, Scale] = field(default_factory=dict)
    ages: dict[str, Scale] = field(default_factory=dict)
    spans: dict[str, float] = field(default_factory=dict)
    vocabularies: dict[str, list[str]] = field(default_factory=dict)

    def layout(self, text_channels: int) -> TableLayout:
        """Sizes of the blocks these columns fill."""
        categorical = self.named("categorical", "boolean")
        return TableLayout(
            numerical=self.named("numerical"),
            knots=tuple(self.scales[c].knots for c in self.named("numerical")),
            categorical=categorical,
            cardinalities=tuple(len(self.vocabularies[c]) + 2 for c in categorical),
            timestamp=self.named("timestamp"),
            text=self.named("text"),
            text_channels=text_channels if self.named("text") else 0,
        )

    def named(self, *stypes: str) -> tuple[str, ...]:
        """Columns of these semantic types, in name order."""
        return tuple(sorted(c for c, s in self.columns.items() if s in stypes))

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> TableStatistics:
        """Read what `dataclasses.asdict` wrote through JSON."""
        scales = {
            name: {c: Scale(s["centre"], s["spread"], tuple(s["knots"])) for c, s in values.items()}
            for name, values in kept.items()
            if name in ("scales", "ages")
        }
        return cls(**{**kept, **scales})


def quoted(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def number_sql(column: str) -> str:
    """SQL for a column as a finite double, null where it is none."""
    value = f"TRY_CAST({quoted(column)} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def instant_sql(column: str) -> str:
    """SQL for a column as seconds since the epoch (double), null where it is no instant."""
    return f"epoch(TRY_CAST({quoted(column)} AS TIMESTAMP))"


def age_sql(column: str, table: TableSchema, until: int) -> str:
    """SQL for years from a timestamp column to the row's own time, or to `until` if untimed."""
    reference = instant_sql(table.time_col) if table.time_col else str(float(until))
    return f"({reference} - {instant_sql(column)}) / {YEAR}"


def measure(
    connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: dict[str, str], until: int
) -> TableStatistics:
    """Collect the statistics of a table.

    Args:
        connection: one view per table.
        columns: semantic type of each column to encode; dates under another name are left out.
        until: validation timestamp in seconds; later rows are not looked at.
    """
    source = f"{quoted(table.name)}{_training_rows(table, until)}"
    # Not the table's own number: how many rows come later must not choose which are looked at.
    (num_rows,) = connection.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,)
    columns = _without_dates(connection, table, source, columns, num_rows)
    numbers = [c for c, s in columns.items() if s == "numerical"]
    instants = [c for c, s in columns.items() if s == "timestamp"]
    sources = {c: number_sql(c) for c in numbers} | {c: age_sql(c, table, until) for c in instants}
    scales = _scales(connection, source, sources, num_rows)
    spans = {c: _span(connection, source, c) for c in instants}
    vocabularies = {
        c: _vocabulary(connection, source, c)
        for c, s in columns.items()
        if s in ("categorical", "boolean")
    }
    return TableStatistics(
        columns=columns,
        until=until,
        scales={c: s for c, s in scales.items() if c in numbers},
        ages={c: s for c, s in scales.items() if c in instants},
        spans=spans,
        vocabularies=vocabularies,
    )


def _without_dates(
    connection: duckdb.DuckDBPyConnection,
    table: TableSchema,
    source: str,
    columns: dict[str, str],
    num_rows: int,
) -> dict[str, str]:
    """The columns that are not dates under another name, or that the user says are numbers."""
    if table.time_col is None:
        return columns
    numbers = {
        c: number_sql(c)
        for c, s in columns.items()
        if s == "numerical" and table.column(c).reason != STATED
    }
    dates = date_like(connection, table, source, numbers, instant_sql(table.time_col), num_rows)
    return {c: s for c, s in columns.items() if c not in dates}


def _training_rows(table: TableSchema, until: int) -> str:
    if table.time_col is None:
        return ""
    return f" WHERE {instant_sql(table.time_col)} <= {until}"


def _scales(
    connection: duckdb.DuckDBPyConnection, source: str, values: dict[str, str], num_rows: int
) -> dict[str, Scale]:
    if not values:
        return {}
    quantiles = ", ".join(f"quantile_cont(c{i}, {_QUANTILES})" for i in range(len(values)))
    rows = every(source, list(values.values()), max(1, num_rows // QUANTILE_ROWS))
    row = connection.execute(f"SELECT {quantiles} FROM {rows}").fetchone()
    assert row is not None
    return {c: _scale(points) for c, points in zip(values, row, strict=True)}


def _scale(points: list[float] | None) -> Scale:
    if points is None:
        return Scale()
    quarter = (len(points) - 1) // 4
    spread = points[3 * quarter] - points[quarter] or (points[-1] - points[0]) / 2 or 1.0
    centre = points[2 * quarter]
    knots = np.unique((np.asarray(points[::2]) - centre) / spread)
    return Scale(centre, spread, tuple(float(k) for k in knots))


def _span(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> float:
    value = instant_sql(column)
    row = connection.execute(f"SELECT max({value}) - min({value}) FROM {source}").fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


def _vocabulary(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> list[str]:
    value = f"CAST({quoted(column)} AS VARCHAR)"
    ranked = connection.execute(
        f"SELECT v FROM (SELECT {value} AS v, count(*) AS n FROM {source} GROUP BY v) "
        f"WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT {MAX_CATEGORIES}"
    ).fetchall()
    return [v for (v,) in ranked]
