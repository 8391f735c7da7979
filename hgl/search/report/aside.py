"""Files of a report: written under another name, then renamed, so that a reader sees whole ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hgl.db.cache import disk_errors
from hgl.db.files import aside_of
from hgl.errors import SourceError

DPI = 120


def save_text(text: str, path: Path) -> None:
    """Write text as UTF-8. Raises: SourceError: the file cannot be written."""
    _save(path, lambda part: part.write_text(text, encoding="utf-8"))


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, the same bytes for the same figure.

    Raises: SourceError: the file cannot be written.
    """
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    _save(path, lambda part: canvas.print_png(part, metadata={"Software": None}))


def _save(path: Path, write: Callable[[Path], object]) -> None:
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside_of(path) as aside:
                write(aside)
    except OSError as error:
        raise SourceError(f"{str(path)!r} cannot be written ({error.strerror})") from None
