"""What every section of the page is made of: a heading, cards, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hgl.report.page.element import Child, Fragment, el, name
from hgl.report.page.group import Group


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        number: whether it is aligned as numbers are, and sorted so.
        sort: whether its heading sorts.
    """

    title: str
    number: bool = False
    sort: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell, and what it is sorted by: a number, text, or None (last, whichever way)."""

    content: Child
    value: float | str | None = None


def section(anchor: str, title: str, about: str, *content: Child) -> Fragment:
    """Return a section of the page."""
    head = [el("h2", title, id=f"{anchor}-title"), el("p", about, class_="about")]
    return el("section", head, content, id=anchor, aria_labelledby=f"{anchor}-title")


def of_group(group: Group, *content: Child, title: Child = None) -> Fragment:
    """Return what a section says of one group, filtered with it."""
    first = group.first
    marks = [el("span", text, class_="chip") for text in (group.regime, *group.marks)]
    heading = el("h3", title or [name(first.dataset), " · ", name(first.task)], marks)
    keys = {"data_task": first.question, "data_regime": first.regime}
    return el("article", heading, content, class_="card", **keys)


def table(label: str, columns: Sequence[Column], rows: Sequence[Fragment]) -> Fragment:
    """Return a table that scrolls sideways where it is too wide.

    Args:
        rows: of `row`.
    """
    head = el("thead", el("tr", [_heading(c) for c in columns]))
    body = el("tbody", rows)
    inner = el("table", el("caption", label, class_="unseen"), head, body)
    return el("div", inner, class_="scroll", tabindex=0, role="region", aria_label=label)


def row(
    columns: Sequence[Column], cells: Sequence[Cell], *, kind: str = "", **keys: str | None
) -> Fragment:
    """Return a line of a table; its first cell heads it.

    Args:
        kind: class of the style sheet.
        keys: by which filters know it: `task`, `regime`, `model`.
    """
    made = []
    for number, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        value = (
            cell.value if cell.value is None or isinstance(cell.value, str) else repr(cell.value)
        )
        made.append(
            el(
                "td" if number else "th",
                cell.content,
                scope=None if number else "row",
                class_="num" if column.number else None,
                data_value=value,
            )
        )
    data = {f"data_{key}": value for key, value in keys.items()}
    return el("tr", made, class_=kind or None, **data)


def _heading(column: Column) -> Fragment:
    style = "num" if column.number else None
    if not column.sort:
        return el("th", column.title, scope="col", class_=style)
    button = el("button", column.title, type="button")
    return el("th", button, scope="col", class_=style, aria_sort="none")
