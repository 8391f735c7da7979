"""One column of a seed: rows of some table under some row, a window of the latest, a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Function = Literal[
    "count", "mean", "share", "last", "days", "distinct", "value", "age", "phase", "since"
]
"""What a column holds; a number (double), null where it is not known, if not said otherwise:

- `count`: rows in the window; 0 where there are none.
- `mean`: of a numerical or boolean column over the window's rows, nulls left out.
- `share`: of the window's rows, those whose categorical column has the text `value`; null for no
  rows.
- `last`: the column in the latest row, null if it is null there; text where it is categorical.
- `days`: from the earliest row of the window to the seed (rows=1: since the latest row); null where
  that row is static.
- `distinct`: different values of a column that are not null, in all rows.
- `value`: the column of the entity's own row; text where it is categorical.
- `age`: years (365.25 days) from a timestamp column of the entity's own row to the seed.
- `phase`: sine or cosine of the time of the period, by seed time; `value` is `<period> sin` or
  `<period> cos`, the period `year`, `week` or `day`, counted from the epoch as the encoders do.
- `since`: days from an instant to the seed; `value` is that instant, whole seconds as text.
"""
OF_TIME: tuple[Function, ...] = ("phase", "since")
"""Functions of the seed's time alone."""
LONG_TAILED = ("count", "days")
"""Functions whose columns have a long tail: a network reads their logarithm."""


@dataclass(frozen=True)
class Source:
    """Rows of one table, each under the row that a path of foreign keys leads up to.

    A row is known when it and all rows between it and the end of the path are; where none of them
    is timed, it is static: always visible.

    Attributes:
        table: whose rows are aggregated.
        path: names of foreign keys from `table` upwards; the last one leads to the anchor.
    """

    table: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Anchor:
    """The row that rows are looked up under; none where it is itself not known at the limit.

    Without an anchor a feature is what it is for no rows. The entity itself is always known.

    Attributes:
        via: names the anchor by its latest visible row; None: the entity's own row does.
        fkey: foreign key of that row to the anchor; None (then `via` is None too): the entity
            itself is the anchor.
    """

    via: Source | None = None
    fkey: str | None = None


@dataclass(frozen=True)
class Window:
    """Which of the visible rows count; all where nothing is stated.

    Only `count`, `days`, `mean` and `share` have windows of rows, and all but `days` of seconds,
    where the difference of two running sums is taken: exact for counts and whole numbers.

    Attributes:
        rows: at most this many, the latest by time, then row.
        seconds: only those in `(limit - seconds, limit]`, where limit is the latest visible time.
    """

    rows: int | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class Feature:
    """One column of a seed.

    Attributes:
        source: rows aggregated; None for `value`, `age` and functions of the seed's time.
        column: of the source's table, or of the entity's; None for `count`, `days` and functions of
            the seed's time.
        value: see `share`, `phase` and `since`.
        categorical: whether the column holds text.
    """

    function: Function
    source: Source | None = None
    anchor: Anchor = Anchor()
    column: str | None = None
    value: str | None = None
    window: Window = Window()
    categorical: bool = False

    @property
    def name(self) -> str:
        """What people read, one per feature: `results.driverId: mean points, last 5`."""
        what = " ".join(filter(None, (self.function, self.column)))
        if self.value is not None:
            what += f" = {self.value}" if self.column else f" {self.value}"
        if self.window.rows is not None:
            what += f", last {self.window.rows}"
        if self.window.seconds is not None:
            what += f", last {self.window.seconds / 86400:g} days"
        return f"{self._place}{what}"

    @property
    def _place(self) -> str:
        if self.source is None:
            return ""
        rows = ".".join((self.source.table, *self.source.path))
        if self.anchor.fkey is None:
            return f"{rows}: "
        via = self.anchor.via
        through = ".".join((via.table, *via.path)) + " " if via else ""
        return f"{through}{self.anchor.fkey} > {rows}: "

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Feature:
        """Read what `dataclasses.asdict` wrote, through JSON or YAML too."""
        anchor = kept["anchor"]
        return cls(
            **{
                **kept,
                "source": _source(kept["source"]),
                "anchor": Anchor(_source(anchor["via"]), anchor["fkey"]),
                "window": Window(**kept["window"]),
            }
        )


def _source(kept: dict[str, Any] | None) -> Source | None:
    return None if kept is None else Source(kept["table"], tuple(kept["path"]))
