"""Section: every record, and where it lies."""

from __future__ import annotations

import math
import os
import shlex
from pathlib import Path
from urllib.parse import quote

from hgl.report.numbers import NONE, number, seconds
from hgl.report.page.element import Child, Fragment, el, name
from hgl.report.page.gap import shown
from hgl.report.page.material import Material
from hgl.report.page.section import Cell, Column, row, section, table
from hgl.results.record import Record

_SHOWN = 8
_COLUMNS = [
    Column("record"),
    Column("task"),
    Column("policy, cut"),
    Column("model"),
    Column("seed", number=True),
    Column("status"),
    Column("test", number=True),
    Column("time", number=True),
    Column("finished"),
    Column("made from", sort=False),
]


def records_section(material: Material, home: Path) -> Fragment:
    """List all records.

    Args:
        home: folder of the page, from which links start.
    """
    about = "Links lead to the record and its run, as they lay when this page was written."
    lines = []
    for record in material.records:
        kind = "" if record.done else "failed"
        keys = {"task": record.question, "regime": record.regime, "model": record.model}
        lines.append(row(_COLUMNS, _cells(record, home), kind=kind, **keys))
    listed = el("article", table("all records", _COLUMNS, lines), class_="card")
    return section("records", "Records", about, listed, shown(material.gaps))


def _cells(record: Record, home: Path) -> list[Cell]:
    score = record.score("test")
    spent = record.seconds
    return [
        Cell(_links(record, home), record.id),
        Cell(name(record.question), record.question),
        Cell(record.regime, record.regime),
        Cell(name(record.model), record.model.lower()),
        Cell(str(record.seed), float(record.seed)),
        Cell(_status(record), record.status),
        Cell(number(score), score if math.isfinite(score) else None),
        Cell(seconds(spent), spent if math.isfinite(spent) else None),
        Cell(record.finished[:16].replace("T", " ") or NONE, record.finished or None),
        Cell(_made(record)),
    ]


def _status(record: Record) -> Child:
    return record.status if record.done else el("span", record.status, class_="chip bad")


def _links(record: Record, home: Path) -> Child:
    own = (
        el("a", name(record.id), href=_href(record.file, home)) if record.file else name(record.id)
    )
    run = record.folder
    if run is None or not run.is_dir():
        return own
    return [own, " ", el("a", "run", href=_href(run, home, "/"), class_="small")]


def _href(target: Path, home: Path, end: str = "") -> str:
    """A relative address: never one with a scheme."""
    way = os.path.relpath(target.absolute(), home.absolute()).replace(os.sep, "/")
    return "./" + quote(way) + end


def _made(record: Record) -> Child:
    commit = (
        f"{record.commit[:_SHOWN]}{' (changed)' if record.dirty else ''}" if record.commit else ""
    )
    told = {
        "commit": commit,
        "data": record.data[:_SHOWN],
        "labels": (record.labels or "")[:_SHOWN],
        "versions": ", ".join(f"{k} {v}" for k, v in record.versions.items()),
        "command": f"hgl train {shlex.join(record.words)}" if record.words else "",
        "again": f"hgl reproduce {shlex.quote(record.id)}" if record.file else "",
        "error": record.error,
    }
    lines = [[el("dt", key), el("dd", name(value))] for key, value in told.items() if value]
    return el("details", el("summary", "details"), el("dl", lines))
