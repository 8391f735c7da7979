"""The files of a report."""

from __future__ import annotations

from pathlib import Path

from hgl.db.files import aside_of
from hgl.errors import ConfigError
from hgl.report.page.material import Material
from hgl.report.page.shell import page
from hgl.report.page.tables import comma_separated, markdown


def write_report(material: Material, out: Path) -> list[Path]:
    """Write the page, and its leaderboards as Markdown and CSV beside it, each whole or not at all.

    Args:
        out: ends in `.html`; the others share its name.
    Raises: ConfigError: it cannot be written.
    """
    texts = {
        out: page(material, out.parent),
        out.with_suffix(".md"): markdown(material),
        out.with_suffix(".csv"): comma_separated(material),
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with aside_of(path) as aside:
                aside.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise ConfigError(f"out={str(out)!r}: cannot be written ({error.strerror})") from None
    return list(texts)
