"""Every module of a package on one page: `% modules of PACKAGE, but NAMES` stands for them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

_LINE = re.compile(r"^% modules of ([\w.]+)(?:, but ([\w, ]+))?$", re.M)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}


def _read(app: Any, docname: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def filled(text: str) -> str:
    """The text of a page, with a section per module."""
    return _LINE.sub(lambda line: _sections(line[1], (line[2] or "").split(", ")), text)


def _sections(package: str, left_out: list[str]) -> str:
    spec = find_spec(package)
    assert spec is not None
    names = sorted(found.name for found in iter_modules(spec.submodule_search_locations))
    return "\n\n".join(
        f"## {package}.{name}\n\n```{{eval-rst}}\n.. automodule:: {package}.{name}\n```"
        for name in names
        if name not in left_out
    )
