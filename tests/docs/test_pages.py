"""What the guides show works: files load, Python runs, commands compose."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from hgl.cli import VERBS, main
from hgl.tasks.task import Task

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = sorted((DOCS / "howto").glob("*.md"))
PAGES = sorted({*DOCS.glob("*.md"), *GUIDES})
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
_FILE = re.compile(r"# ([\w/]+\.\w+)\n")
"""The first line of a block that is a file."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each block of a page."""
    return _BLOCK.findall(page.read_text())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop, as the guides have it, and every file that they show."""
    random = np.random.default_rng(0)
    start = pd.Timestamp("2025-01-01")
    customers = pd.DataFrame({"customer_id": range(60), "age": random.integers(18, 80, 60)})
    customers["joined_at"] = start + pd.to_timedelta(random.integers(0, 50, 60), unit="D")
    orders = pd.DataFrame({"order_id": range(900), "customer_id": random.integers(0, 60, 900)})
    orders["ordered_at"] = start + pd.to_timedelta(random.uniform(50, 300, 900), unit="D").round(
        "s"
    )
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        customers.to_sql("customers", connection, index=False)
        orders.to_sql("orders", connection, index=False)
    for page in GUIDES:
        for _, text in blocks(page):
            if match := _FILE.match(text):
                (tmp_path / match[1]).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / match[1]).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_python_runs_top_to_bottom(page: Path, place: Path) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    for language, text in blocks(page):
        if language == "python" and not _FILE.match(text):
            exec(text, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_compose(page: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for language, text in blocks(page):
        for line in text.replace("\\\n", " ").splitlines() if language == "bash" else ():
            words = shlex.split(line, comments=True)
            if words[:1] == ["torchrun"]:
                words = words[words.index("-m") + 1 :]
            if words[:1] != ["hgl"]:
                continue
            assert words[1] in VERBS
            if "--config-dir" not in words or Path(words[words.index("--config-dir") + 1]).is_dir():
                assert main([*words[1:], "--cfg"]) == 0, (line, capsys.readouterr().err)


def test_files_are_what_they_say(place: Path) -> None:
    for file in place.rglob("*.yaml"):
        assert isinstance(yaml.safe_load(file.read_text()), dict)
    assert Task.from_yaml("returns.yaml").entity_table == "customers"


@pytest.mark.parametrize(
    "page",
    [page for page in DOCS.rglob("*.md") if page.parent.name != "notebooks"],  # made by the site
    ids=lambda page: page.stem,
)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        notebook = DOCS.parent / "notebooks" / f"{Path(target).stem}.ipynb"
        found = target.startswith("http") or (page.parent / target).exists() or notebook.exists()
        assert found, target
