"""HTML and SVG, escaped by construction: text becomes markup in one place only."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = {"br", "input", "meta"}


class Fragment(str):
    """Markup that `el` made; anything else is text, and is escaped."""

    __slots__ = ()


Child = str | float | None | Iterable["Child"]
"""What may stand inside an element: fragments, text, numbers, nothing, or several of these."""


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Fragment:
    """Return an element.

    Args:
        children: see `Child`.
        attributes: `class_` stands for `class`, `data_task` for `data-task`; None and False leave
            one out, True gives it no value.
    """
    start = "".join([tag, *(_attribute(name, value) for name, value in attributes.items())])
    if tag in _VOID:
        return Fragment(f"<{start}>")
    return Fragment(f"<{start}>{join(children)}</{tag}>")


def join(child: Child) -> Fragment:
    """Return a child, or several, as one fragment."""
    if child is None:
        return Fragment()
    if isinstance(child, Fragment):
        return child
    if isinstance(child, str | float | int):
        return Fragment(html.escape(str(child)))
    return Fragment("".join(map(join, child)))


def raw(text: str) -> Fragment:
    """Return text of our own, a style sheet or a script, as it is."""
    return Fragment(text)


def name(text: str) -> Fragment:
    """Return a name from a database or a record: its writing direction ends where it does."""
    return el("bdi", text)


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    if isinstance(value, float):
        value = f"{value:.2f}".rstrip("0").rstrip(".")
    return f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
