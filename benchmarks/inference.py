"""Precision and recall of inferred keys: known keys are stripped, then inferred again.

python benchmarks/inference.py [--data ../shared/data] [--show] [database ...]
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from keyed import SOURCES, Reference, Stripped

from hgl.db.infer import Finding, infer_columns, infer_keys, infer_time, report
from hgl.db.schema import TableSchema

DEFAULT_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
GROUPS = {
    "declared": ("chinook", "northwind", "rel-f1"),
    "documented": ("stack-exchange", "flights", "baseball"),
}
"""What truth comes from; all others are made up from well-known schemas."""


@dataclass(frozen=True)
class Count:
    """How many keys were inferred, how many of them are right, and how many there are."""

    inferred: int = 0
    right: int = 0
    true: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.inferred + other.inferred, self.right + other.right, self.true + other.true
        )

    @property
    def precision(self) -> float:
        """Share of the inferred keys that are true."""
        return self.right / self.inferred if self.inferred else 1.0

    @property
    def recall(self) -> float:
        """Share of the true keys that were inferred."""
        return self.right / self.true if self.true else 1.0


def compare(database: Stripped, keyed: Mapping[str, TableSchema]) -> tuple[Count, Count, list[str]]:
    """Return the counts of primary and of foreign keys, and every difference in words."""
    pkeys = {t.name: t.pkey for t in keyed.values() if t.pkey and t.name in database.pkeys}
    right = {t for t, columns in pkeys.items() if {*columns} == {*database.pkeys[t]}}
    keyless = {t for t, columns in database.pkeys.items() if not columns}
    primary = Count(len(pkeys), len(right), len(database.pkeys) - len(keyless))
    found = {
        _ordered((t.name, f.columns, f.parent, f.parent_columns))
        for t in keyed.values()
        for f in t.fkeys
    }
    true = {_ordered(f) for f in database.fkeys}
    also = {_ordered(f) for f in database.also}
    foreign = Count(len(found - also), len(found & true), len(true))
    words = [
        f"primary key of {t}: {database.pkeys[t]} expected, {pkeys.get(t, ())} inferred"
        for t in sorted(database.pkeys.keys() - right - (keyless - pkeys.keys()))
    ]
    words += [f"foreign key missed: {f}" for f in sorted(true - found)]
    words += [f"foreign key wrong: {f}" for f in sorted(found - true - also)]
    return primary, foreign, words


def _ordered(reference: Reference) -> Reference:
    """Column order within a composite key does not matter."""
    child, columns, parent, keys = reference
    pairs = sorted(zip(columns, keys))
    return child, tuple(c for c, _ in pairs), parent, tuple(k for _, k in pairs)


def timed_and_typed(
    connection: duckdb.DuckDBPyConnection, keyed: Mapping[str, TableSchema]
) -> Iterator[Finding]:
    """Yield the findings on time columns and column types of `keyed`."""
    for table in keyed.values():
        timed, findings = infer_time(connection, table)
        yield from findings
        yield from infer_columns(connection, timed)[1]


def main() -> None:
    """Print the figures, per database and overall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", help=f"any of {', '.join(SOURCES)}")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("HGL_SHARED_DATA", DEFAULT_DATA)
    )
    parser.add_argument("--show", action="store_true", help="print what was inferred and why")
    arguments = parser.parse_args()
    totals: dict[str, tuple[Count, Count]] = defaultdict(lambda: (Count(), Count()))
    print(f"{'':16}{'pkey precision':>18}{'recall':>18}{'fkey precision':>18}{'recall':>18}")
    for name in arguments.databases or SOURCES:
        path, read = SOURCES[name]
        database = read(arguments.data / path)
        start = time.perf_counter()
        keyed, findings = infer_keys(database.connection, database.tables)
        seconds = time.perf_counter() - start
        primary, foreign, words = compare(database, keyed)
        print(f"{name:16}{_figures(primary)}{_figures(foreign)}   {seconds:.1f} s")
        print(*(f"    {w}" for w in words), sep="\n", end="\n" if words else "")
        if arguments.show:
            findings += timed_and_typed(database.connection, keyed)
            print(*(f"    {line}" for line in report(findings)), sep="\n")
        group = next((g for g, named in GROUPS.items() if name in named), "made up")
        totals[group] = (totals[group][0] + primary, totals[group][1] + foreign)
    for group, (primary, foreign) in totals.items():
        print(f"all {group:12}{_figures(primary)}{_figures(foreign)}")


def _figures(count: Count) -> str:
    precision = f"{count.precision:.1%} ({count.right}/{count.inferred})"
    recall = f"{count.recall:.1%} ({count.right}/{count.true})"
    return f"{precision:>18}{recall:>18}"


if __name__ == "__main__":
    main()
