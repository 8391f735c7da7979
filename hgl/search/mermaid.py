"""A graph model as a picture in Mermaid's words."""

from __future__ import annotations

from collections.abc import Sequence

from hgl.search.encoding import Link


def flowchart(links: Sequence[Link], entity_table: str) -> str:
    """Draw links: thin arrows from child to parent, thick ones for tables drawn as edges.

    The entity table is a stadium, the others are boxes.
    """
    tables = sorted({entity_table, *(end for link in links for end in link.ends)})
    names = {table: f"t{position}" for position, table in enumerate(tables)}
    lines = ["flowchart LR"]
    for table, name in names.items():
        before, after = ('(["', '"])') if table == entity_table else ('["', '"]')
        lines.append(f"    {name}{before}{_label(table)}{after}")
    for link in links:
        source, target = (names[end] for end in link.ends)
        arrow = "==>" if link.fkey is None else "-->"
        label = _label(link.table if link.fkey is None else link.fkey)
        lines.append(f'    {source} {arrow}|"{label}"| {target}')
    return "\n".join(lines)


def _label(text: str) -> str:
    """Quotes, and what starts one of Mermaid's own marks, as its character codes."""
    return text.replace("#", "#35;").replace('"', "#quot;")
