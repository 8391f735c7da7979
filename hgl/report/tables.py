"""Results and databases as tables for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table

from hgl.db.schema import Schema
from hgl.results.audit import Audit

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
        table.add_column(f"{split}\n{_broken(metric)}", justify="right")
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


def schema_lines(schema: Schema) -> Iterator[RenderableType]:
    """Each table of a database: size, key, time, foreign keys; each column's use and its reason."""
    for table in schema.tables.values():
        key = f"key {', '.join(table.pkey)}" if table.pkey else "no key"
        known = f"known at {table.time_col}" if table.time_col else "static"
        reason = table.time_reason.removeprefix("static: ") or "as found"
        yield f"\n{table.name}: {table.num_rows:,} rows; {key}; {known} ({reason})"
        for fkey in table.fkeys:
            parent = f"{fkey.parent}({', '.join(fkey.parent_columns)})"
            yield f"  {', '.join(fkey.columns)} → {parent}"
        columns = Table.grid(padding=(0, 2))
        for column in table.columns:
            columns.add_row("", column.name, column.type, column.stype, column.reason)
        yield columns
    yield ""
    for defect, count in schema.defects.items():
        yield f"defect: {defect}: {count:,} rows"
    yield f"static tables: {', '.join(schema.static_tables) or 'none'}"
    stated = "proposed: nobody stated it" if schema.proposed_timestamps else "as stated"
    yield f"validation from {schema.val_timestamp}, test from {schema.test_timestamp} ({stated})"


def _broken(name: str) -> str:
    """A long name over several lines, broken after its underscores."""
    return "\n".join(textwrap.wrap(name.replace("_", "_ "), 10)).replace("_ ", "_")


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


def audit_table(audit: Audit) -> Table:
    """One row per finding, the worst first."""
    title = f"audit of {audit.dataset}, {audit.task}: policy {audit.policy}, cut {audit.cut}"
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("found", ratio=1, overflow="fold")
    table.add_column("evidence, and what to do", ratio=3, overflow="fold")
    for f in audit.sorted:
        table.add_row(f"{f.severity}: {f.check}\n{f.place}", f"{f.evidence}\n→ {f.remedy}")
    return table
