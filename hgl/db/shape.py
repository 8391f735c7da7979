"""Whether what was read from a file has the types that its dataclasses declare."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

_SHOWN = 80
_KNOWN: dict[Any, Mapping[str, Any]] = {}


def check_fields(value: Any) -> None:
    """Check each field of a dataclass against its annotation, those of dataclasses within it too.

    Raises: TypeError: one holds something else.
    """
    for name, hint in _hints(type(value)).items():
        found = getattr(value, name)
        if not _fits(found, hint):
            shown = repr(found)[:_SHOWN]
            raise TypeError(f"{type(value).__name__}.{name} is {shown}; expected {_written(hint)}")


def _hints(kind: Any) -> Mapping[str, Any]:
    """Return the fields of a dataclass with their annotations, evaluated once."""
    if kind not in _KNOWN:
        hints = typing.get_type_hints(kind)
        _KNOWN[kind] = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return _KNOWN[kind]


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is typing.Literal:
        return type(value) is str and value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(each, inner[1]) for key, each in value.items()
        )
    if dataclasses.is_dataclass(hint):
        return type(value) is hint and all(
            _fits(getattr(value, name), each) for name, each in _hints(hint).items()
        )
    if hint is float:
        return type(value) in (int, float)
    return hint is Any or type(value) is hint


def _written(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
