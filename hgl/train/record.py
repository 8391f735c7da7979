"""Files that a run leaves beside its model: written aside, then renamed."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import hgl
from hgl.db.files import aside_of
from hgl.errors import CacheError
from hgl.features.statistics import TableStatistics

_LIBRARIES = ("torch", "torch-geometric", "numpy", "pandas", "duckdb", "pyarrow", "sqlalchemy")


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    installed = {"hgl": hgl.__version__, "python": platform.python_version()}
    return installed | {name: metadata.version(name) for name in _LIBRARIES}


def write_statistics(folder: Path, statistics: Mapping[str, TableStatistics]) -> None:
    """Keep in a run's folder the statistics by which its columns were encoded."""
    kept = {t: dataclasses.asdict(s) for t, s in statistics.items()}
    write_text(folder / "statistics.json", json.dumps(kept))


def read_statistics(folder: Path) -> dict[str, TableStatistics]:
    """Read what `write_statistics` left. Raises: CacheError: it is not there, or not whole."""
    try:
        kept = json.loads((folder / "statistics.json").read_text())
        return {t: TableStatistics.from_dict(s) for t, s in kept.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise CacheError(
            f"run={str(folder)!r}: expected the folder of a finished `hgl train`, with a whole "
            "statistics.json"
        ) from None


def write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    """Write plain values, numpy's scalars and tuples among them, in their order."""
    write_text(path, yaml.safe_dump(_plain(value), sort_keys=False))


def write_text(path: Path, text: str) -> None:
    """Write a file that is either whole or absent."""
    with aside_of(path) as aside:
        aside.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """Numpy scalars and tuples to what YAML and JSON know."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value
