"""Notebooks are committed bare. CI runs them, top to bottom, with `pytest --nbmake notebooks`."""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    return json.loads(notebook.read_text("utf-8"))["cells"]


def test_there_are_four() -> None:
    assert [notebook.stem[:2] for notebook in NOTEBOOKS] == ["01", "02", "03", "04"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_and_no_count_is_kept(notebook: Path) -> None:
    for cell in cells(notebook):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert cell["metadata"] == {}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_title_and_works_in_a_folder_of_its_own(notebook: Path) -> None:
    title, *others = cells(notebook)
    assert "".join(title["source"]).startswith("# ")
    code = ["".join(cell["source"]) for cell in others if cell["cell_type"] == "code"]
    writes = any(word in text for text in code for word in ("%%bash", ".to_csv(", "save_"))
    assert not writes or "tempfile.mkdtemp()" in code[0]
    assert all(text.startswith("%%bash") or "\n!" not in text for text in code), "! hides failures"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_between_notebooks_lead_somewhere(notebook: Path) -> None:
    for cell in cells(notebook):
        text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
        for part in text.split("](")[1:]:
            target = part.split(")")[0]
            assert target.startswith("https://") or (notebook.parent / target).exists(), target


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = Path(__file__).parents[2] / "docs" / "extensions"
    monkeypatch.syspath_prepend(str(folder))
    yield import_module("notebook_pages")
    sys.modules.pop("notebook_pages", None)


def test_the_site_shows_text_code_and_what_the_code_printed_and_drew(
    pages: Any, tmp_path: Path
) -> None:
    printed = [
        {"output_type": "stream", "name": "stderr", "text": ["read\x1b[32m"]},
        {"output_type": "stream", "name": "stdout", "text": [" 3 rows\n"]},
    ]
    drawn = {"image/png": base64.b64encode(b"picture").decode(), "text/plain": ["<Figure>"]}
    cells = [
        {"cell_type": "markdown", "source": ["See [it](02_it.ipynb)."]},
        {"cell_type": "code", "source": ["%%bash\n", "hgl"], "outputs": printed},
        {
            "cell_type": "code",
            "source": ["draw()"],
            "outputs": [{"output_type": "display_data", "data": drawn}],
        },
    ]
    assert list(pages.page(cells, tmp_path / "01_page")) == [
        "See [it](02_it.md).",
        "````bash\nhgl\n````",
        "````text\nread 3 rows\n````",
        "````python\ndraw()\n````",
        "![output](01_page-2-0.png)",
    ]
    assert (tmp_path / "01_page-2-0.png").read_bytes() == b"picture"
