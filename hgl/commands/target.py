"""Plain configurations whose `_target_` names what to build: checked by signature, then built."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from hgl.errors import ConfigError, HglError

Node = Mapping[str, Any]
"""A mapping with `_target_` (dotted name), `_partial_` (bring the rest later) and arguments."""

_WORDS = ("_target_", "_partial_")
_PARTS = tuple(
    f"hgl.{package}."
    for package in ("distill", "graph", "models", "nn", "search.methods", "tabular", "train")
)
"""Where the parts of a run are defined; a stored one must not name what acts, such as a verb."""


def resolve(name: Any, *, trusted: bool = True) -> Callable[..., Any]:
    """Return the class or function with this dotted name.

    Args:
        trusted: False admits only the parts that hgl itself makes runs of.
    Raises: ConfigError: there is none, or it is not admitted.
    """
    if not isinstance(name, str):
        raise ConfigError(f"_target_={name!r}: expected the dotted name of a class or function")
    refusal = f"_target_={name!r}: only parts of the package hgl are built from a stored run"
    if not trusted and not name.startswith(_PARTS):
        raise ConfigError(f"{refusal} (trust=true admits others)")
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if isinstance(error, HglError):
            raise
        raise ConfigError(f"_target_={name!r}: no such class or function ({error})") from error
    if not trusted and not _is_part(found):
        raise ConfigError(f"{refusal} (trust=true admits others)")
    return typing.cast("Callable[..., Any]", found)


def _is_part(found: Any) -> bool:
    """Whether it is a class where parts are defined, or the one function that makes a part."""
    makes = inspect.isclass(found) or getattr(found, "__qualname__", "") == "experiment"
    return makes and f"{found.__module__}.".startswith(_PARTS)


def build(node: Any, *, trusted: bool = True) -> Any:
    """Build every `_target_` below `node`, innermost first; anything else is returned as it is.

    Raises: ConfigError: a target is unknown; whatever the targets themselves raise.
    """
    if isinstance(node, list | tuple):
        return [build(item, trusted=trusted) for item in node]
    if not isinstance(node, Mapping):
        return node
    values = {k: build(v, trusted=trusted) for k, v in node.items() if k not in _WORDS}
    if "_target_" not in node:
        return values
    target = resolve(node["_target_"], trusted=trusted)
    partial = functools.partial(target, **values)
    return partial if node.get("_partial_") else partial()


def completed(node: Any, path: str = "") -> Any:
    """Return `node` with each target's own defaults spelt out, after checking its keys and values.

    Args:
        path: dotted place of `node` in the whole configuration, for messages.
    Raises: ConfigError: a key is not an argument of its target, or a value is of the wrong type.
    """
    if not isinstance(node, Mapping):
        return node
    given = {k: completed(v, f"{path}{k}.") for k, v in node.items() if k not in _WORDS}
    if "_target_" not in node:
        return given
    target = resolve(node["_target_"])
    words = {word: node[word] for word in _WORDS if word in node}
    parameters = inspect.signature(target).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return words | given
    hints = _hints(target)
    for key, value in given.items():
        check_name(f"{path}{key}", key, parameters)
        if not _fits(value, hints.get(key, Any)):
            raise ConfigError(f"{path}{key}={value!r}: expected {_expected(hints[key])}")
    absent = [k for k, p in parameters.items() if p.default is p.empty and k not in given]
    if absent and not node.get("_partial_"):
        raise ConfigError(f"{path}{absent[0]} is missing: {node['_target_']} needs it")
    plain = {k: p.default for k, p in parameters.items() if _is_plain(p.default)}
    return words | plain | given


def check_name(shown: str, name: str, known: Collection[str]) -> None:
    """Raises: ConfigError: `name` is not among `known`; near matches are named."""
    if name in known:
        return
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(known)}"
    raise ConfigError(f"{shown}: no such option; {hint}")


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    source = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(source)
    except NameError:  # names imported for type checkers only
        return {}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value can stand for an annotation; what is built is not judged."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin in (tuple, list):
        items = [arguments[0]] * len(value) if _is_open(hint) and _is_list(value) else arguments
        return _is_list(value) and len(value) == len(items) and all(map(_fits, value, items))
    if hint in (bool, str, types.NoneType):
        return isinstance(value, hint)
    if hint in (int, float):
        numbers = (int,) if hint is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    if origin is Callable or (inspect.isclass(hint) and hint.__module__.startswith("hgl.")):
        return isinstance(value, Mapping) and "_target_" in value
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_open(hint: Any) -> bool:
    """Whether a list or tuple of this annotation may be of any length."""
    return typing.get_origin(hint) is list or ... in typing.get_args(hint)


def _expected(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_expected(argument) for argument in arguments)
    if origin is typing.Literal:
        return " or ".join(map(str, arguments))
    if origin in (tuple, list):
        number = "" if _is_open(hint) else f"{len(arguments)} times "
        return f"a list of {number}{_expected(arguments[0])}"
    if origin is Callable or (inspect.isclass(hint) and hint.__module__.startswith("hgl.")):
        return "something with a _target_"
    known = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
    return known.get(hint, "null" if hint is types.NoneType else str(hint))
