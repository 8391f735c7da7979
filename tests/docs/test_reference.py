"""The reference says all that is public, and docstrings read as the reference needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hgl

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = {page.stem: page.read_text() for page in (DOCS / "reference").glob("*.md")}


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    monkeypatch.syspath_prepend(str(DOCS / "extensions"))
    imported: list[str] = []

    def load(name: str) -> Any:
        imported.append(name)
        return import_module(name)

    yield load
    for name in imported:
        sys.modules.pop(name, None)


def test_names_at_the_top_are_listed() -> None:
    for name in hgl.__all__:
        assert name == "__version__" or f"`hgl.{name} <" in REFERENCE["hgl"], name


@pytest.mark.parametrize("package", ["nn", "models", "features", "datasets", "audit"])
def test_every_module_has_its_place(package: str, extension: Callable[[str], Any]) -> None:
    inner = {"chunked", "attention_stack"}
    page = extension("whole_packages").filled(REFERENCE[package])
    for file in (DOCS.parent / "hgl" / package).glob("[a-z]*.py"):
        shown = f".. automodule:: hgl.{package}.{file.stem}\n" in page
        assert shown == (file.stem not in inner), file


def test_modules_named_in_the_reference_exist() -> None:
    for text in REFERENCE.values():
        for line in text.splitlines():
            if line.startswith(".. automodule:: "):
                import_module(line.removeprefix(".. automodule:: "))


def test_sections_that_begin_on_their_titles_line_become_fields(
    extension: Callable[[str], Any],
) -> None:
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
    assert [line for line in extension("inline_sections").rewritten(lines) if line] == [
        "Do it.",
        "Args:",
        "    x: [nodes], float.",
        ":returns: [nodes] per node type, and more.",
        ":raises SchemaError: no such table.",
        ":raises ConfigError: a number is out of range.",
    ]


def test_errors_without_a_reason_are_named(extension: Callable[[str], Any]) -> None:
    lines = ["Raises: SourceError, SchemaError."]
    assert [line for line in extension("inline_sections").rewritten(lines) if line] == [
        ":raises SourceError, SchemaError:"
    ]
