"""YAML from anywhere: plain values of a bounded size, or one error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hgl.errors import SourceError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one where PyYAML was built with it; both know no tags but YAML's own."""
_BYTES = 64 << 20
_VALUES = 1_000_000
"""Most values, each counted as often as aliases repeat it: nine lines can stand for billions."""


def read_yaml(file: Path, what: str = "file") -> Any:
    """Return what a YAML file holds.

    Args:
        what: the file is, for messages.

    Raises: SourceError: it cannot be read as YAML, or is larger than anything hgl writes.
    """
    where = f"{what} {str(file)!r}"
    try:
        if (size := file.stat().st_size) > _BYTES:
            raise SourceError(f"{where} has {size} bytes; expected at most {_BYTES}")
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except OSError as error:
        raise SourceError(f"{where} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise SourceError(f"{where} cannot be read as YAML: nested too deeply") from None
    except (ValueError, OverflowError, yaml.YAMLError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(
            f"{where} cannot be read as YAML: {' '.join(str(error).split())}"
        ) from None
    _check_size(content, where)
    return content


def _check_size(content: Any, where: str) -> None:
    waiting, count = [content], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > _VALUES:
            raise SourceError(
                f"{where} stands for more than {_VALUES} values; expected fewer, and no alias (*) "
                "that holds itself"
            )
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple | set):
            waiting += value
