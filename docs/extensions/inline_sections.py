"""Docstring sections that begin on their title's line, as hgl writes them: `Returns: [nodes].`

Napoleon knows `Args:` with entries below it and no other form; this turns the rest into fields
before napoleon looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TITLE = re.compile(r"^( *)(Args|Returns|Yields|Raises): (\S.*)$")
_SECTION = re.compile(r"^ *[A-Z][a-z]+:( |$)")
_ERROR = re.compile(r"(?:^|(?<=\. ))((?:[A-Z]\w+(?:, )?)+)(?:: |\.$)")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True}


def _process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = rewritten(lines)


def rewritten(lines: list[str]) -> list[str]:
    """The lines of a docstring, its inline sections as reStructuredText fields."""
    out: list[str] = []
    rest = iter(enumerate(lines))
    for number, line in rest:
        if (match := _TITLE.match(line)) is None:
            out.append(line)
            continue
        indent, title, text = match.groups()
        for more in _continuation(lines[number + 1 :], len(indent)):
            text += " " + more.strip()
            next(rest)
        out += ["", *(indent + field for field in _fields(title, text)), ""]
    return out


def _continuation(lines: list[str], indent: int) -> Iterator[str]:
    """The lines that go on with a section: up to a blank one or the next section."""
    for line in lines:
        if not line.strip() or _SECTION.match(line) or len(line) - len(line.lstrip()) < indent:
            return
        yield line


def _fields(title: str, text: str) -> list[str]:
    if title == "Raises":
        names = list(_ERROR.finditer(text))
        ends = [*(name.start() for name in names[1:]), len(text)]
        if names and not names[0].start():
            return [
                f":raises {name[1]}: {text[name.end() : end].strip()}".rstrip()
                for name, end in zip(names, ends)
            ]
        return [f"**Raises** {text}"]
    return [f"**Arguments**: {text}"] if title == "Args" else [f":returns: {text}"]
