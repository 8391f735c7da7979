"""Values on their way through JSON: a type for each, and null for what is no finite number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_origin


def finite(value: Any) -> Any:
    """Return what JSON can hold: NaN and infinities as None, at any depth."""
    if isinstance(value, Mapping):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def typed(value: Any, hint: Any, name: str) -> Any:
    """Return a value that was read as what it is to be; None as nan where that is a number.

    Args:
        hint: a plain type, `Any`, one of `list`, `tuple` and `Mapping` of such, or one or None.
        name: of the value, for messages.
    Raises: TypeError: it is of another type.
    """
    inner = get_args(hint)
    if hint is Any or (value is None and NoneType in inner):
        return value
    if NoneType in inner:
        return typed(value, inner[0], name)
    kind = get_origin(hint)
    if kind is list and isinstance(value, list):
        return [typed(each, inner[0], name) for each in value]
    if kind is tuple and isinstance(value, list) and len(value) == len(inner):
        return tuple(typed(each, of, name) for each, of in zip(value, inner, strict=True))
    if kind is Mapping and isinstance(value, Mapping):
        return {key: typed(each, inner[1], f"{name}.{key}") for key, each in value.items()}
    if hint is float and type(value) in (int, float, NoneType):
        return math.nan if value is None else float(value)
    if type(value) is hint:
        return value
    raise TypeError(f"{name}={value!r}: expected {getattr(hint, '__name__', hint)}")
