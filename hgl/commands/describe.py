"""What a class or function says about its arguments, read from its source without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path

from hgl.errors import ConfigError

_SECTION = re.compile(r"^(\w+):(?: .*)?$")
_ENTRY = re.compile(r"^    (\w+): (.*)$")


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        annotation: its type, as written.
        default: its default, as written; None when it must be given.
        text: what the docstring says about it; "" for nothing.
    """

    annotation: str
    default: str | None
    text: str


@dataclass(frozen=True)
class Description:
    """A class or function: first line of its docstring, arguments by name, and examples."""

    summary: str
    arguments: Mapping[str, Argument]
    examples: tuple[str, ...]


def describe(target: str) -> Description:
    """Read the docstring and signature of the class or function with this dotted name.

    Raises: ConfigError: there is none.
    """
    module, _, name = target.rpartition(".")
    definition = _definition(module, name)
    if definition is None:
        raise ConfigError(f"_target_={target!r}: no such class or function")
    doc = cleandoc(ast.get_docstring(definition) or "")
    texts = _entries(doc, "Args") | _entries(doc, "Attributes")
    arguments = {
        name: Argument(annotation, default, texts.get(name, ""))
        for name, annotation, default in _signature(definition)
    }
    examples = tuple(line.strip() for line in _section(doc, "Examples"))
    return Description(doc.split("\n")[0], arguments, examples)


def _definition(module: str, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        return None
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


def _signature(node: ast.ClassDef | ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        if not inits:
            return _fields(node)
        node = inits[0]
    spec = node.args
    positional = [a for a in spec.args if a.arg != "self"]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults))
    pairs = [
        *zip(positional, missing + list(spec.defaults)),
        *zip(spec.kwonlyargs, spec.kw_defaults),
    ]
    return [(a.arg, _source(a.annotation) or "Any", _source(d)) for a, d in pairs]


def _fields(node: ast.ClassDef) -> list[tuple[str, str, str | None]]:
    """The fields of a dataclass."""
    return [
        (field.target.id, ast.unparse(field.annotation), _source(field.value))
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


def _source(node: ast.expr | None) -> str | None:
    return None if node is None else ast.unparse(node)


def _section(doc: str, title: str) -> list[str]:
    """The indented lines below `title:`."""
    lines, inside = [], False
    for line in doc.split("\n"):
        if _SECTION.match(line):
            inside = line == f"{title}:"
        elif inside and line.startswith(" "):
            lines.append(line)
        elif line:
            inside = False
    return lines


def _entries(doc: str, title: str) -> dict[str, str]:
    """Argument to text; deeper lines continue the entry above them."""
    entries: dict[str, str] = {}
    name = ""
    for line in _section(doc, title):
        if match := _ENTRY.match(line):
            name = match[1]
            entries[name] = match[2]
        elif name:
            entries[name] += " " + line.strip()
    return entries
