"""What the CPU sampler's two passes, `sampler_walk` and `sampler_place`, work on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

NO_FLOOR = -(2**63)
"""Floor of a seed without a time window."""
SEED, LAST, COPY, EDGE, DEGREE, LISTS, ROOM, SLOTS = range(8)
"""Fields of the array in which `walk` says where it stands."""

Rows = Any
"""An array, or None: numba compiles the two apart."""


class Plan(NamedTuple):
    """Relations in slot order and how many edges to take of each.

    Arrays of the graph are given by address, so that graphs of any shape share one machine code.
    `time` and `source_time` are 0 where there is none (see `Relation`), `edge_row` is 0 where edges
    are no rows and None where no relation's are, `long` and `wide` tell int64 from int32 row
    pointers and rows, `base[t]` is the number of the first row of type t among the rows of all
    tables, `fanout` is [hops, relations], negative for all edges, and `latest` prefers recent edges
    to random ones.
    """

    src: np.ndarray
    dst: np.ndarray
    colptr: np.ndarray
    row: np.ndarray
    time: np.ndarray
    source_time: np.ndarray
    edge_row: Rows
    long: np.ndarray
    wide: np.ndarray
    base: np.ndarray
    fanout: np.ndarray
    latest: bool


class Edges(NamedTuple):
    """One relation of a `Plan`: numbers alone, which functions pass on for nothing."""

    colptr: int
    long: bool
    row: int
    wide: bool
    time: int
    source_time: int


class Counts(NamedTuple):
    """`copies`: [types, hops + 1, num_seeds]; `edges`: [relations, hops, num_seeds]."""

    copies: np.ndarray
    edges: np.ndarray


class Starts(NamedTuple):
    """Where the first copy, edge and slot of each seed and hop go; edges and slots by relation."""

    copies: np.ndarray
    edges: np.ndarray
    slots: np.ndarray


class Fields(NamedTuple):
    """The arrays of a `Sample`."""

    row: np.ndarray
    seed: np.ndarray
    src: np.ndarray
    ptr: np.ndarray
    edge_row: Rows


class Seeds(NamedTuple):
    """Visible is what has floor < time <= limit, or is static; all arrays are [num_seeds]."""

    row: np.ndarray
    limit: np.ndarray
    floor: np.ndarray
    key: np.ndarray


class Workspace(NamedTuple):
    """One thread's scratch. `row`, `kind`: copies; `edge`: sources; `degree`: edges per slot;
    `edge_row`: the rows that edges stand for, None in a graph whose edges are no rows.

    Copies are numbered within their seed in order of discovery. `order` holds the copies to expand
    by type, `table` maps rows to copies, `picked` and `seen` serve the choice of a subset.
    """

    row: np.ndarray
    kind: np.ndarray
    edge: np.ndarray
    degree: np.ndarray
    edge_row: Rows
    order: np.ndarray
    table: np.ndarray
    picked: np.ndarray
    seen: np.ndarray
