"""Results and databases as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from hgl.db.schema import ForeignKey, Schema, TableSchema

Scores = Mapping[str, Mapping[str, float]]
"""Split to score name to value."""


def score_table(rows: Mapping[str, Scores], metrics: Sequence[str], title: str) -> Table:
    """One row per predictor, one column per split and score.

    Args:
        rows: predictor to its scores; a score it lacks shows as a dash.
        metrics: score names, the one that selects first.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("predictor", no_wrap=True)
    places = [(split, metric) for metric in metrics for split in ("val", "test")]
    for split, metric in places:
        table.add_column(f"{split}\n{metric}", justify="right", overflow="fold")
    for name, scores in rows.items():
        table.add_row(name, *(_number(scores, *place) for place in places))
    return table


def phase_table(phases: Mapping[str, Mapping[str, float]]) -> Table:
    """Seconds and peak memory of each phase of a run."""
    table = Table(title="where time and memory went", title_justify="left")
    table.add_column("phase")
    for name in ("seconds", "peak MB"):
        table.add_column(name, justify="right")
    for phase, row in phases.items():
        table.add_row(phase, f"{row['seconds']:.1f}", f"{row['peak_mb']:,.0f}")
    total = sum(row["seconds"] for row in phases.values())
    peak = max(row["peak_mb"] for row in phases.values())
    table.add_section()
    table.add_row("all", f"{total:.1f}", f"{peak:,.0f}")
    return table


def schema_table(schema: Schema) -> Table:
    """The tables of a database: size, key, time column with its reason, foreign keys."""
    table = Table(title=f"database {schema.name}", title_justify="left", show_lines=True)
    for name in ("table", "rows", "key", "known at", "foreign keys"):
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    for each in schema.tables.values():
        table.add_row(
            each.name,
            f"{each.num_rows:,}",
            ", ".join(each.pkey) or "–",
            _time(each),
            "\n".join(map(_key, each.fkeys)) or "–",
        )
    return table


def column_table(schema: Schema) -> Table:
    """Each column's semantic type and why it was chosen."""
    table = Table(title="columns", title_justify="left")
    for name in ("table", "column", "stored as", "used as", "because"):
        table.add_column(name, overflow="fold")
    for each in schema.tables.values():
        for column in each.columns:
            table.add_row(each.name, column.name, column.type, column.stype, column.reason)
        table.add_section()
    return table


def _time(table: TableSchema) -> str:
    shown = table.time_col or "static"
    return f"{shown}\n({table.time_reason})" if table.time_reason else shown


def _key(fkey: ForeignKey) -> str:
    return f"{', '.join(fkey.columns)} → {fkey.parent}({', '.join(fkey.parent_columns)})"


def _number(scores: Scores, split: str, metric: str) -> str:
    value = scores.get(split, {}).get(metric)
    return "–" if value is None else f"{value:.4f}"


def finding_table(title: str, rows: Mapping[str, str]) -> Table:
    """Names and what was found about them."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, found in rows.items():
        table.add_row(name, found)
    return table
