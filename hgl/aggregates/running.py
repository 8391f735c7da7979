"""SQL that says, for every row under a key, what its features are once that row is the latest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hgl.aggregates.cells import ALWAYS, number_cell, positioned, text_cell, time_cell
from hgl.aggregates.feature import Feature, Source
from hgl.aggregates.paths import path_keys
from hgl.db.duck import identifier, literal
from hgl.db.schema import Schema, TableSchema


@dataclass(frozen=True)
class Running:
    """Three relations of a source's rows, keyed by the row position of their anchor.

    `rows_<number>(key, time, position, cells...)` has the rows; `latest_<number>(key, time,
    position)` the last one of each time, few columns to search in; `running_<number>(position,
    columns...)` how things stand after each row.

    Attributes:
        features: those of the source, whatever their anchor.
        named: foreign keys of the source's table that lead to anchors: columns, too.
    """

    number: int
    source: Source
    features: tuple[Feature, ...]
    named: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """SQL of each column that features need to its name; features may share one."""
        found = dict.fromkeys(sql for f in self.features for sql in running_terms(f))
        return {sql: f"c{i}" for i, sql in enumerate(found)}

    def named_column(self, fkey: str) -> str:
        """Return the column with the row position that a foreign key leads to."""
        return f"named_{self.named.index(fkey)}"

    def relations(self, schema: Schema) -> list[str]:
        """Return the relations, as members of a WITH clause."""
        title = comment(".".join((self.source.table, *self.source.path)))
        latest = f"SELECT key, time, max(position) AS position\n  FROM rows_{self.number}"
        return [
            f"{title}rows_{self.number} AS (\n{self._rows(schema)}\n)",
            f"latest_{self.number} AS MATERIALIZED (\n  {latest}\n  GROUP BY key, time\n)",
            f"running_{self.number} AS MATERIALIZED (\n{self._running()}\n)",
        ]

    def _rows(self, schema: Schema) -> str:
        table, keys = schema.table(self.source.table), path_keys(schema, self.source)
        rows, position = positioned(table)
        times, key = [time_cell(table)], identifier(keys[0].row_col)
        for level, fkey in enumerate(keys[1:], 1):
            parent = schema.table(keys[level - 1].parent)
            rows += f"\n  JOIN ({_parent(parent, fkey.row_col, level)})"
            rows += f" ON {_of('position', level)} = {key}"
            key = _of("key", level)
            times.append(_of("time", level) if parent.time_col else None)
        known = [t for t in times if t is not None]
        columns = {"key": key, "time": _latest(known), "position": position}
        columns |= {_cell(f): _cell_sql(table, f) for f in self.features if f.column is not None}
        columns |= {self.named_column(f): _row_col(table, f) for f in self.named}
        selected = listed([f"{sql} AS {name}" for name, sql in columns.items()])
        present = " AND ".join(f"{sql} IS NOT NULL" for sql in (key, *known))
        return f"  SELECT\n    {selected}\n  FROM {rows}\n  WHERE {present}"

    def _running(self) -> str:
        columns = ["position", *(self.named_column(f) for f in self.named)]
        columns += [f"{sql} AS {name}" for sql, name in self.columns.items()]
        lasts = sorted({f.window.rows for f in self.features if f.window.rows is not None})
        order = "PARTITION BY key ORDER BY time, position ROWS"
        windows = [f"whole AS ({order} UNBOUNDED PRECEDING)"]
        windows += [f"last_{n} AS ({order} {n - 1} PRECEDING)" for n in lasts]
        return (
            f"  SELECT\n    {listed(columns)}\n  FROM rows_{self.number}\n"
            f"  WINDOW\n    {listed(windows)}"
        )


def running_terms(feature: Feature) -> tuple[str, ...]:
    """Return the SQL of what is kept per row for a feature; a sum and a count to subtract from
    where the window is one of seconds.
    """
    rows = feature.window.rows
    over = f"OVER last_{rows}" if rows is not None else "OVER whole"
    if feature.function == "count":
        return (f"count(*) {over}",)
    if feature.function == "days":
        return (f"nullif(first_value(time) {over}, {ALWAYS})",)
    cell = _cell(feature)
    if feature.function == "last":
        return (cell,)
    if feature.function == "distinct":
        return (f"count(DISTINCT {cell}) {over}",)
    if feature.function == "share":
        cell = f"({cell} IS NOT DISTINCT FROM {literal(str(feature.value))})::INTEGER"
    if feature.window.seconds is not None:
        return f"sum({cell}) {over}", f"count({cell}) {over}"
    return (f"avg({cell}) {over}",)


def comment(text: str) -> str:
    """Return `text` as a line of comment."""
    return f"-- {' '.join(text.split())}\n"


def listed(parts: Sequence[str]) -> str:
    """Return the members of a list, one a line."""
    return ",\n    ".join(parts)


def _cell(feature: Feature) -> str:
    return identifier(f"{'number' if _is_number(feature) else 'text'} of {feature.column}")


def _cell_sql(table: TableSchema, feature: Feature) -> str:
    cell = number_cell if _is_number(feature) else text_cell
    return cell(table, str(feature.column))


def _is_number(feature: Feature) -> bool:
    return feature.function in ("mean", "last") and not feature.categorical


def _parent(table: TableSchema, row_col: str, level: int) -> str:
    rows, position = positioned(table)
    columns = {"position": position, "key": identifier(row_col), "time": time_cell(table)}
    selected = (f"{sql} AS {_of(name, level)}" for name, sql in columns.items() if sql)
    return f"SELECT {', '.join(selected)} FROM {rows}"


def _row_col(table: TableSchema, fkey: str) -> str:
    return next(identifier(f.row_col) for f in table.fkeys if f.name == fkey)


def _of(what: str, level: int) -> str:
    return identifier(f"hgl:{what} {level}")


def _latest(times: Sequence[str]) -> str:
    if len(times) < 2:
        return times[0] if times else ALWAYS
    return f"greatest({', '.join(times)})"
