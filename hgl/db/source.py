"""A source that is not arranged yet, and the request that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hgl.db.overrides import Overrides
from hgl.db.progress import NoProgress, Progress
from hgl.db.raw import Raw
from hgl.errors import SchemaError


@dataclass(frozen=True)
class Request:
    """What a user asks for besides the source; see `Database.open`."""

    name: str | None = None
    overrides: Overrides = field(default_factory=dict)
    include: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    views: Sequence[str] = ()
    sql_schema: str | None = None
    val_timestamp: str | int | None = None
    test_timestamp: str | int | None = None
    progress: Progress = field(default_factory=NoProgress)

    def content(self) -> list[Any]:
        """Return everything that changes the result, as JSON can hold it."""
        return [
            self.name,
            self.overrides,
            sorted(self.include) if self.include is not None else None,
            sorted(self.exclude),
            sorted(self.views),
            self.sql_schema,
            str(self.val_timestamp),
            str(self.test_timestamp),
        ]

    def chosen(self, found: Sequence[str], source: str) -> list[str]:
        """Return the tables of `found` that `include` and `exclude` leave, in name order.

        Raises: SchemaError: one of them names a table that does not exist.
        """
        for option, stated in (("include", self.include or ()), ("exclude", self.exclude)):
            for name in stated:
                if name not in found:
                    known = ", ".join(sorted(found))
                    raise SchemaError(f"{option}: {source} has no table {name!r}; it has: {known}")
        kept = set(found) if self.include is None else set(self.include)
        return sorted(kept - set(self.exclude))


@dataclass(frozen=True)
class Source:
    """Something that can be read into raw tables.

    Attributes:
        name: what the database is called unless the user says otherwise.
        key: returns a hash of the content, where that needs no reading through a driver.
        place: identifies the source itself, so that an interrupted read can go on.
        read: read everything, using an own folder for whatever has to be written.
    """

    name: str
    key: Callable[[], str] | None
    place: str
    read: Callable[[Path], Raw]
