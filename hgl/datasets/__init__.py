"""Bundled real databases: a name is a module of this package, and opens as a `Database`.

Each module has `source()` (what `Database.open` takes), `MANIFEST` (keys and times that the source
cannot declare), `VAL_TIMESTAMP`, `TEST_TIMESTAMP` and `TASK`, the name of its first task. Modules
that read a graph instead, `cpf`, `hgb` and `ogbn_arxiv`, are no database and have no name here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hgl.errors import ConfigError

if TYPE_CHECKING:
    from hgl.db.database import Database


_GRAPHS = {"cpf", "hgb", "ogbn_arxiv"}


def names() -> list[str]:
    """Return the names of the bundled databases."""
    return sorted({module.name for module in iter_modules(__path__)} - _GRAPHS)


def find(name: str) -> ModuleType:
    """Return the module of a bundled database. Raises: ConfigError: there is none."""
    if name not in names():
        raise ConfigError(f"database {name!r} is not bundled; those are: {', '.join(names())}")
    return import_module(f"{__name__}.{name}")


def open(bundled: str, /, **options: Any) -> Database:
    """Build, ingest and open a bundled database; `options` are those of `Database.open`.

    Raises: ConfigError: no such name. SourceError, MissingExtra: its package is not installed.
    """
    from hgl.db.database import Database

    module = find(bundled)
    stated = {
        "name": bundled,
        "manifest": module.MANIFEST,
        "val_timestamp": module.VAL_TIMESTAMP,
        "test_timestamp": module.TEST_TIMESTAMP,
    }
    return Database.open(module.source(), **{**stated, **options})
