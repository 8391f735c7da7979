"""The leaderboards as Markdown and CSV."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterator

from hgl.report.numbers import NONE, ends, gigabytes, listed, seconds, spread
from hgl.report.page.board import Row
from hgl.report.page.leaderboard import columns, seeds_of
from hgl.report.page.material import Material, Panel

_CSV = (
    *("dataset", "task", "policy", "cut", "metric", "data", "labels", "model", "variant", "status"),
    *("test", "test_std", "test_low", "test_high", "val", "val_std", "seeds", "asked"),
    *("seconds", "peak_bytes", "published", "published_by", "same_predictions_as", "error"),
)

_MARKUP = re.compile(r"([\\\\|`*_\[\]])")


def markdown(material: Material) -> str:
    """Return one table per group, and what is missing."""
    parts = [f"# Results of {_plain(material.name)}"]
    for panel in material.panels:
        group = panel.group
        parts.append(f"## {_plain(group.first.question)}")
        parts.append(", ".join([group.regime, *group.marks]))
        heads = [column.title for column in columns(group.measure)]
        lines = [heads, [":-" if n in (0, 8) else "-:" for n in range(len(heads))]]
        lines += [_line(row) for row in panel.rows]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    if material.gaps:
        parts.append("## Missing\n\n" + "\n".join(f"- {_plain(str(g))}" for g in material.gaps))
    return "\n\n".join(parts) + "\n"


def comma_separated(material: Material) -> str:
    """Return one line per line of a leaderboard; numbers in full, times in seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for panel in material.panels:
        writer.writerows([list(map(_safe, _values(panel, row))) for row in panel.rows])
    return text.getvalue()


def _line(row: Row) -> list[str]:
    runs, test = row.runs, row.runs.score("test")
    some = runs.done and runs.failed
    status = [f"{len(runs.done)} of {len(runs.records)} done" if some else row.status]
    status += [row.error] if row.error else []
    status += [f"same predictions as {', '.join(runs.twins)}"] if runs.twins else []
    return [
        _plain(row.label),
        spread(test),
        ends(test.low, test.high),
        spread(runs.score("val")),
        listed(seeds_of(row)),
        seconds(runs.seconds),
        gigabytes(runs.peak_bytes),
        _plain("; ".join(map(str, row.published))) or NONE,
        _plain(": ".join(status)),
    ]


def _values(panel: Panel, row: Row) -> Iterator[str | float | int]:
    first, runs = panel.group.first, row.runs
    test, val = runs.score("test"), runs.score("val")
    yield from (first.dataset, first.task, first.policy, first.cut, first.metric)
    yield from (first.data, first.labels or "", row.model, row.variant, row.status)
    yield from (test.mean, test.std, test.low, test.high)
    yield from (val.mean, val.std, " ".join(map(str, runs.seeds)), len(runs.records))
    yield from (runs.seconds, runs.peak_bytes)
    yield " ".join(f"{reference.value:g}" for reference in row.published)
    yield "; ".join(reference.source for reference in row.published)
    yield ", ".join(runs.twins)
    yield row.error


def _safe(value: str | float | int) -> str:
    """A cell that no spreadsheet takes for a formula; nothing for a number that is not known."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return "" if math.isnan(value) else repr(value)


def _plain(text: str) -> str:
    """Text that stays within its cell and is no markup."""
    return " ".join(_MARKUP.sub(r"\\\1", html.escape(text, quote=False)).split())
