"""Notebooks as pages: `notebooks/*.ipynb` become `docs/notebooks/*.md` before Sphinx reads them.

The notebooks are kept without outputs. Where the environment variable HGL_EXECUTED names a folder
of executed copies, the pages show what those copies show.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

_LINK = re.compile(r"\]\((\w+)\.ipynb\)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
Cell = dict[str, Any]


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_config_value("notebook_folder", "", "env")
    app.connect("config-inited", _write, priority=100)
    return {"parallel_read_safe": True}


def _write(app: Any, config: Any) -> None:
    pages = Path(app.srcdir) / "notebooks"
    pages.mkdir(exist_ok=True)
    executed = Path(os.environ.get("HGL_EXECUTED", config.notebook_folder))
    for notebook in sorted(Path(config.notebook_folder).glob("*.ipynb")):
        shown = executed / notebook.name
        cells = json.loads((shown if shown.is_file() else notebook).read_text("utf-8"))["cells"]
        text = "\n\n".join(page(cells, pages / notebook.stem))
        (pages / f"{notebook.stem}.md").write_text(text + "\n", "utf-8")


def page(cells: list[Cell], stem: Path) -> Iterator[str]:
    """The parts of a page, in MyST; pictures are written beside it.

    Args:
        stem: path of the page without its suffix.
    """
    for number, cell in enumerate(cells):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield _LINK.sub(r"](\1.md)", text)
        elif text.startswith("%%bash\n"):
            yield _fenced("bash", text.removeprefix("%%bash\n"))
        else:
            yield _fenced("python", text)
        for place, (printed, outputs) in enumerate(groupby(cell.get("outputs", ()), _is_printed)):
            if printed:
                yield from _printed("".join("".join(output["text"]) for output in outputs))
                continue
            for output in outputs:
                yield from _shown(output, stem.with_name(f"{stem.name}-{number}-{place}.png"))


def _is_printed(output: Cell) -> bool:
    return output["output_type"] == "stream"


def _printed(text: str) -> Iterator[str]:
    if text.strip():
        yield _fenced("text", _COLOURS.sub("", text))


def _shown(output: Cell, picture: Path) -> Iterator[str]:
    data = output.get("data", {})
    if "image/png" in data:
        picture.write_bytes(base64.b64decode(data["image/png"]))
        yield f"![output]({picture.name})"
    elif "text/markdown" in data:
        yield "".join(data["text/markdown"])
    elif "text/html" in data:
        yield _fenced("{raw} html", "".join(data["text/html"]))
    else:
        yield from _printed("".join(data.get("text/plain", "")))


def _fenced(language: str, text: str) -> str:
    return f"````{language}\n{text.rstrip()}\n````"
