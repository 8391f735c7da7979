"""The reference says all that is public, and docstrings read as the reference needs them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hgl

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = {page.stem: page.read_text() for page in (DOCS / "reference").glob("*.md")}


@pytest.fixture
def sections(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("sphinx", reason="pip install -e '.[docs]'")
    monkeypatch.syspath_prepend(str(DOCS / "extensions"))
    yield import_module("inline_sections")
    sys.modules.pop("inline_sections", None)


def test_names_at_the_top_are_listed() -> None:
    for name in hgl.__all__:
        assert name == "__version__" or f"`hgl.{name} <" in REFERENCE["hgl"], name


@pytest.mark.parametrize("package", ["nn", "models"])
def test_every_layer_and_every_network_has_its_place(package: str) -> None:
    inner = {"chunked", "attention_stack"}
    for file in (DOCS.parent / "hgl" / package).glob("[a-z]*.py"):
        assert file.stem in inner or f"automodule:: hgl.{package}.{file.stem}" in REFERENCE[package]


def test_modules_named_in_the_reference_exist() -> None:
    for text in REFERENCE.values():
        for line in text.splitlines():
            if line.startswith(".. automodule:: "):
                import_module(line.removeprefix(".. automodule:: "))


def test_sections_that_begin_on_their_titles_line_become_fields(sections: Any) -> None:
    lines = [
        "Do it.",
        "",
        "Args:",
        "    x: [nodes], float.",
        "Returns: [nodes] per node type,",
        "    and more.",
        "Raises: SchemaError: no such table. ConfigError: a number is",
        "    out of range.",
    ]
    assert [line for line in sections.rewritten(lines) if line] == [
        "Do it.",
        "Args:",
        "    x: [nodes], float.",
        ":returns: [nodes] per node type, and more.",
        ":raises SchemaError: no such table.",
        ":raises ConfigError: a number is out of range.",
    ]


def test_errors_without_a_reason_are_named(sections: Any) -> None:
    lines = ["Raises: SourceError, SchemaError."]
    assert [line for line in sections.rewritten(lines) if line] == [
        ":raises SourceError, SchemaError:"
    ]
