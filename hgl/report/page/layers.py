"""Where the tables of a schema stand: in layers, by how many keys away from the entity table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SWEEPS = 8

Pairs = Sequence[tuple[str, str]]
"""Child and parent of each foreign key."""


def layers(tables: Sequence[str], keys: Pairs, roots: Sequence[str]) -> list[list[str]]:
    """Return the tables of each layer in an order in which few keys cross.

    Args:
        roots: the first layer; tables that no key leads to come last.
    """
    around = {t: sorted({o for key in keys if t in key for o in key} - {t}) for t in tables}
    first = [table for table in tables if table in roots] or list(tables[:1])
    found, left = [first], [table for table in tables if table not in first]
    while left:
        near = [table for table in left if set(around[table]) & set(found[-1])]
        found.append(near or left)
        left = [table for table in left if table not in found[-1]]
    return _ordered(found, around)


def _ordered(found: list[list[str]], around: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Sort each layer by the mean height of its tables' neighbours, again and again."""
    height: dict[str, float] = {}
    for layer in found:
        height |= _heights(layer)
    for _ in range(_SWEEPS):
        for layer in found:
            means = {t: _mean([height[o] for o in around[t]] or [height[t]]) for t in layer}
            layer.sort(key=lambda table: (round(means[table], 6), table))
            height |= _heights(layer)
    return found


def _heights(layer: Sequence[str]) -> dict[str, float]:
    return {table: (row + 0.5) / len(layer) for row, table in enumerate(layer)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
