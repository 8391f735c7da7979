"""Section: the tables of each database and the foreign keys between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hgl.db.schema import ForeignKey, Schema, TableSchema
from hgl.report.page.chart import picture, tip
from hgl.report.page.database import Tables
from hgl.report.page.element import Fragment, el, name
from hgl.report.page.gap import shown
from hgl.report.page.layers import layers
from hgl.report.page.material import Material
from hgl.report.page.section import section

_HEIGHT, _STEP, _BETWEEN, _MARGIN = 46, 66, 84, 14
_LETTER, _SMALL, _PAD, _MOST = 8.2, 6.6, 13, 26
_FAN = 9
"""Pixels between the ends of keys that meet the same side of a box."""


@dataclass(frozen=True)
class Box:
    """Where a table is drawn: left, top and width in pixels, and its layer."""

    x: float
    y: float
    width: float
    layer: int


def schema_section(material: Material) -> Fragment:
    """Draw every database that can be read."""
    cards = []
    for (dataset, data), found in material.databases.items():
        groups = [panel.group.first for panel in material.panels]
        asked = [r.question for r in groups if (r.dataset, r.data) == (dataset, data)]
        body = shown([found]) if not isinstance(found, Tables) else None
        if isinstance(found, Tables):
            roots = _entity_tables(material, dataset, data)
            chart = el("div", draw(found.schema, roots), class_="scroll", tabindex=0, role="group")
            body = el("div", chart, _key(found.schema))
        keys = {"data_task": asked[0] if len(set(asked)) == 1 else None}
        cards.append(el("article", el("h3", name(dataset)), body, class_="card", **keys))
    about = (
        "Boxes are tables, arrows foreign keys, from the row that refers to the row referred to."
    )
    return section("schema", "Schema", about, cards)


def draw(schema: Schema, roots: Sequence[str]) -> Fragment:
    """Return the graph of a schema.

    Args:
        roots: entity tables, which are marked.
    """
    pairs = [(t.name, f.parent) for t in schema.tables.values() for f in t.fkeys]
    boxes = _boxes(layers(list(schema.tables), pairs, roots), schema.tables)
    keys = [(t.name, f) for t in schema.tables.values() for f in t.fkeys]
    arrows = _arrows(keys, boxes)
    drawn = [_box(schema.tables[t], box, t in roots) for t, box in boxes.items()]
    width = max(box.x + box.width for box in boxes.values()) + _MARGIN + 30
    height = max(box.y for box in boxes.values()) + _HEIGHT + _MARGIN
    label = f"schema of {schema.name}: {len(boxes)} tables, {len(keys)} foreign keys"
    return picture(width, height, label, _head(), arrows, drawn)


def _entity_tables(material: Material, dataset: str, data: str) -> list[str]:
    runs = [run for panel in material.panels for run in panel.runs if run.question]
    ours = [r for r in runs if (r.record.dataset, r.record.data) == (dataset, data)]
    return sorted({run.question.entity_table for run in ours if run.question})


def _boxes(found: Sequence[Sequence[str]], tables: Mapping[str, TableSchema]) -> dict[str, Box]:
    tallest = max(map(len, found))
    boxes, x = {}, float(_MARGIN)
    for number, layer in enumerate(found):
        width = max(_width(tables[table]) for table in layer)
        above = _MARGIN + (tallest - len(layer)) * _STEP / 2
        for row, table in enumerate(layer):
            boxes[table] = Box(x, above + row * _STEP, width, number)
        x += width + _BETWEEN
    return boxes


def _width(table: TableSchema) -> float:
    return 2 * _PAD + max(_LETTER * min(len(table.name), _MOST), _SMALL * len(_size(table)))


def _size(table: TableSchema) -> str:
    rows = f"{table.num_rows:,} row{'s' if table.num_rows != 1 else ''}"
    return rows if table.time_col else f"{rows} · static"


def _box(table: TableSchema, box: Box, entity: bool) -> Fragment:
    static = table.time_col is None
    kind = "entity" if entity else "static" if static else "timed"
    label = table.name if len(table.name) <= _MOST else f"{table.name[: _MOST - 1]}…"
    known = "static" if static else f"known at {table.time_col}"
    frame = {"x": box.x, "y": box.y, "width": box.width, "height": _HEIGHT, "rx": 8}
    return el(
        "g",
        tip(f"{table.name}: {table.num_rows:,} rows, {known}, {len(table.columns)} columns"),
        el("rect", **frame),
        el("text", label, x=box.x + _PAD, y=box.y + 19, class_="title"),
        el("text", _size(table), x=box.x + _PAD, y=box.y + 36),
        class_=f"table {kind}",
    )


def _arrows(keys: Sequence[tuple[str, ForeignKey]], boxes: Mapping[str, Box]) -> list[Fragment]:
    """Keys as curves; those that meet one side of a box fan out."""
    sides = [_sides(boxes[child], boxes[fkey.parent]) for child, fkey in keys]
    ends = [
        (end, side)
        for (child, fkey), pair in zip(keys, sides)
        for end, side in zip((child, fkey.parent), pair)
    ]
    total, seen, spots = Counter(ends), Counter[tuple[str, int]](), []
    order = sorted(range(len(ends)), key=lambda n: boxes[_other(keys, n)].y)
    place = {}
    for position in order:
        end = ends[position]
        place[position] = (seen[end] - (total[end] - 1) / 2) * _FAN
        seen[end] += 1
    for number, (table, side) in enumerate(ends):
        box = boxes[table]
        bound = _HEIGHT / 2 - 5
        y = box.y + _HEIGHT / 2 + max(-bound, min(bound, place[number]))
        spots.append((box.x + (box.width if side > 0 else 0), y))
    return [
        _arrow(child, fkey, spots[2 * n], spots[2 * n + 1], sides[n])
        for n, (child, fkey) in enumerate(keys)
    ]


def _other(keys: Sequence[tuple[str, ForeignKey]], end: int) -> str:
    """The table at the other end of a key."""
    child, fkey = keys[end // 2]
    return fkey.parent if end % 2 == 0 else child


def _sides(child: Box, parent: Box) -> tuple[int, int]:
    """Which side a key leaves and enters: 1 right, -1 left."""
    if child.layer == parent.layer:
        return 1, 1
    return (1, -1) if child.layer < parent.layer else (-1, 1)


def _arrow(
    child: str,
    fkey: ForeignKey,
    start: tuple[float, float],
    end: tuple[float, float],
    sides: tuple[int, int],
) -> Fragment:
    bend = _BETWEEN * 0.45
    (x1, y1), (x2, y2) = start, end
    path = f"M{x1:.1f},{y1:.1f} C{x1 + sides[0] * bend:.1f},{y1:.1f} "
    path += f"{x2 + sides[1] * bend:.1f},{y2:.1f} {x2 + sides[1] * 5:.1f},{y2:.1f}"
    said = f"{child}.{', '.join(fkey.columns)} → {fkey.parent}.{', '.join(fkey.parent_columns)}"
    return el("path", tip(said), d=path, class_="key", marker_end="url(#arrow)")


def _head() -> Fragment:
    shape = el("path", d="M0,0 L8,4 L0,8 Z", class_="head")
    size = {"markerWidth": 8, "markerHeight": 8, "refX": 4, "refY": 4}
    return el("defs", el("marker", shape, id="arrow", orient="auto", **size))


def _key(schema: Schema) -> Fragment:
    static = len(schema.static_tables)
    rows = sum(table.num_rows for table in schema.tables.values())
    marks = [("entity", "entity table"), ("timed", "timed"), ("static", "static: always visible")]
    entries = [el("li", el("span", class_=f"box {kind}"), text) for kind, text in marks]
    told = f"{len(schema.tables)} tables, {static} of them static; {rows:,} rows"
    return el("ul", entries, el("li", told), class_="legend")
