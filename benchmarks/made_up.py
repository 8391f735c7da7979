"""Databases made up from `schemas.yaml`: serial numbers everywhere, so that names must decide."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

ROWS = 400
_WORDS = "amber birch cobalt delta ember flint grove harbor indigo juniper kelp lotus".split()  # noqa: SIM905
_COLUMN = re.compile(r"(\w+?)(!*)(\??)(?:>(\w+)(?:\.(\w+))?)?(?::(\w+))?$")


@dataclass(frozen=True)
class MadeUp:
    """Tables, their primary keys and their foreign keys (child, columns, parent, columns)."""

    tables: Mapping[str, pa.Table]
    pkeys: Mapping[str, tuple[str, ...]]
    fkeys: frozenset[tuple[str, tuple[str, ...], str, tuple[str, ...]]]


@dataclass(frozen=True)
class _Field:
    name: str
    keys: int
    nullable: bool
    parent: str | None
    parent_key: str | None
    kind: str


def schemas() -> dict[str, dict[str, str]]:
    """Return the schemas by name, each table as one line of text."""
    return yaml.safe_load((Path(__file__).parent / "schemas.yaml").read_text())


def make(tables: Mapping[str, str], seed: int = 0) -> MadeUp:
    """Fill a schema with rows: dense serial keys, references drawn from the parent's keys."""
    fields = {t: [_field(text) for text in line.split()] for t, line in tables.items()}
    pkeys = {t: tuple(f.name for f in of if f.keys == 1) for t, of in fields.items()}
    rng = np.random.default_rng(seed)
    rows = {t: int(rng.integers(ROWS // 8, ROWS)) for t in fields}
    keys: dict[tuple[str, str], list] = {}

    def keys_of(table: str, column: str) -> list:
        """Return the distinct values of a key column, made when first asked for."""
        if (table, column) not in keys:
            field = next(f for f in fields[table] if f.name == column)
            if field.parent is None:
                keys[table, column] = _keys(table, rows[table], field.kind)
            else:
                held = keys_of(field.parent, field.parent_key or pkeys[field.parent][0])
                rows[table] = min(rows[table], len(held))
                keys[table, column] = rng.permutation(held)[: rows[table]].tolist()
        return keys[table, column]

    alone = {
        t: [f.name for f in of if f.keys > 1 or pkeys[t] == (f.name,)] for t, of in fields.items()
    }
    for table, names in alone.items():
        for name in names:
            keys_of(table, name)
    made, fkeys = {}, set()
    for table, of in fields.items():
        columns = {}
        for field in of:
            if field.parent:
                parent_key = field.parent_key or pkeys[field.parent][0]
                fkeys.add((table, (field.name,), field.parent, (parent_key,)))
            if field.name in alone[table]:
                values = keys_of(table, field.name)[: rows[table]]
            elif field.parent:
                held = keys_of(field.parent, parent_key)
                values = [held[i] for i in rng.integers(0, len(held), rows[table])]
            else:
                values = _VALUES[field.kind](rng, rows[table])
            absent = rng.random(rows[table]) < 0.5 * field.nullable
            columns[field.name] = [None if no else v for v, no in zip(values, absent)]
        made[table] = _distinct(pa.table(columns), pkeys[table])
    return MadeUp(made, pkeys, frozenset(fkeys))


def _field(text: str) -> _Field:
    found = _COLUMN.match(text)
    assert found, text
    name, keys, nullable, parent, parent_key, kind = found.groups()
    return _Field(name, len(keys), bool(nullable), parent, parent_key, kind or "int")


def _keys(table: str, rows: int, kind: str) -> list:
    """Return the keys of a table: 1..n, large numbers with gaps, codes or hashes."""
    if kind == "int":
        return list(range(1, rows + 1))
    digests = [hashlib.sha256(f"{table}{i}".encode()).hexdigest() for i in range(rows)]
    if kind == "big":
        start = 10_000 * (len(table) + 1)
        return [start + 7 * i + int(d[:1], 16) % 7 for i, d in enumerate(digests)]
    if kind == "code":
        return [f"{table[0].upper()}{table[-1].upper()}{i}" for i in range(rows)]
    return [d[:20] for d in digests]


def _distinct(table: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Return the table with one row per key."""
    if not key:
        return table
    kept = table.to_pandas().drop_duplicates(list(key)).index
    return table.take(kept.to_numpy())


Values = Callable[[np.random.Generator, int], list]
_VALUES: dict[str, Values] = {
    "int": lambda rng, n: rng.integers(1, n, n).tolist(),
    "big": lambda rng, n: rng.integers(10**6, 10**8, n).tolist(),
    "count": lambda rng, n: rng.integers(0, 40, n).tolist(),
    "line": lambda rng, n: rng.integers(1, 6, n).tolist(),
    "flag": lambda rng, n: rng.integers(0, 2, n).tolist(),
    "real": lambda rng, n: rng.normal(100, 20, n).round(2).tolist(),
    "code": lambda rng, n: [f"K{i}" for i in rng.integers(1, 9, n)],
    "text": lambda rng, n: [" ".join(rng.choice(_WORDS, 3)) for _ in range(n)],
    "hash2": lambda rng, n: [hashlib.sha1(bytes([i])).hexdigest() for i in rng.integers(0, 250, n)],
    "hash": lambda rng, n: [hashlib.sha1(rng.bytes(8)).hexdigest() for _ in range(n)],
    "time": lambda rng, n: [
        np.datetime64("2020-01-01", "us") + np.timedelta64(int(s), "s")
        for s in rng.integers(0, 10**8, n)
    ],
}
