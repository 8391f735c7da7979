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
    known = _definitions(module)
    if (definition := known.get(name)) is None:
        raise ConfigError(f"_target_={target!r}: no such class or function")
    doc = cleandoc(ast.get_docstring(definition) or "")
    stated = _with_signature(definition, known)
    told = cleandoc(ast.get_docstring(stated) or "")
    texts = _entries(told, "Args") | _entries(told, "Attributes")
    arguments = {
        name: Argument(annotation, default, texts.get(name, ""))
        for name, annotation, default in _signature(stated)
    }
    examples = tuple(line.strip() for line in _section(doc, "Examples"))
    return Description(doc.split("\n")[0], arguments, examples)


def _definitions(module: str) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    """The classes and functions of a module."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        return {}
    nodes = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    return {n.name: n for n in nodes if isinstance(n, ast.ClassDef | ast.FunctionDef)}


def _with_signature(
    node: ast.ClassDef | ast.FunctionDef, known: Mapping[str, ast.ClassDef | ast.FunctionDef]
) -> ast.ClassDef | ast.FunctionDef:
    """The class itself, or the base in its module whose constructor it inherits."""
    while isinstance(node, ast.ClassDef) and not _constructors(node):
        bases = [known.get(base.id) for base in node.bases if isinstance(base, ast.Name)]
        if not bases or bases[0] is None:
            break
        node = bases[0]
    return node


def _constructors(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]


def _signature(node: ast.ClassDef | ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    if isinstance(node, ast.ClassDef):
        if not (constructors := _constructors(node)):
            return _fields(node)
        node = constructors[0]
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
        if not ast.unparse(field.annotation).startswith("ClassVar")
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
