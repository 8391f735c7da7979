"""Relations: each one built once, both ways, and shared by every graph drawn from the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hgl.errors import SchemaError
from hgl.graph.edges import Edges, Empty, lay_out, row_parts
from hgl.graph.storage import ArrayReader, ArrayWriter
from hgl.typing import UNKNOWN_TIME, EdgeType, NodeType


@dataclass(frozen=True)
class Relation:
    """The edges of one type by target: those of row v are `colptr[v]` to `colptr[v + 1]`.

    Within a target, edges ascend by time, ties by source row. An edge's time is when its target,
    once known, can see it: the source's time, or that of the edge's own row where that is later.
    A target enters a batch only when it is visible itself, so this admits what the later of both
    ends would, and it lets a seed that is known at its own seed time keep its earlier relatives.

    Attributes:
        edge_type: (source, label, target).
        colptr: [num_targets + 1], int32 where the edges' number fits, else int64.
        row: [num_edges] source rows, int32 where they fit, else int64.
        time: [num_edges] int64 seconds; None when every edge is always visible, or where
            `source_time` says it.
        edge_row: [num_edges] int64, the row each edge stands for; None where edges are no rows.
        source_time: [num_sources] int64 seconds, in place of `time` where no target has more than
            one edge, which a key to a parent is: parents are fewer, so their times lie closer.
        row_type: relation of the rows that the edges stand for with the edges' targets, along which
            a sample has these rows where a graph draws it; None where edges are no rows.
        num_hidden: edges left out because the time of an end, or of their own row, is unknown.
        num_null: rows of a table drawn as edges that join nothing: those with a null key or, of a
            relation from a sink, with two.
    """

    edge_type: EdgeType
    colptr: Tensor
    row: Tensor
    time: Tensor | None
    edge_row: Tensor | None = None
    source_time: Tensor | None = None
    row_type: EdgeType | None = None
    num_hidden: int = 0
    num_null: int = 0

    @property
    def num_edges(self) -> int:
        """Edges stored."""
        return self.row.numel()

    def to(self, device: torch.device | str) -> Relation:
        """Return the same relation on `device`."""
        moved: dict[str, Any] = {
            name: None if array is None else array.to(device) for name, array in self.arrays.items()
        }
        return dataclasses.replace(self, **moved)

    @property
    def arrays(self) -> dict[str, Tensor | None]:
        """The stored arrays by field name."""
        return {
            "colptr": self.colptr,
            "row": self.row,
            "time": self.time,
            "edge_row": self.edge_row,
            "source_time": self.source_time,
        }


def relation_from_edges(
    edge_type: EdgeType,
    src: np.ndarray,
    dst: np.ndarray,
    *,
    num_src: int,
    num_dst: int,
    time: np.ndarray | None = None,
    edge_row: np.ndarray | None = None,
) -> Relation:
    """Sort edges by target, time and source.

    Args:
        src: [num_edges] source rows, 0 to num_src - 1.
        dst: [num_edges] target rows, 0 to num_dst - 1.
        time: [num_edges] int64 seconds at which each edge becomes known; None for always.
        edge_row: [num_edges] rows the edges stand for.
    Raises: SchemaError: a row is out of range.
    """
    edges = Edges(src, dst, time, edge_row)
    return relation_from_parts(edge_type, lambda: [edges], num_src=num_src, num_dst=num_dst)


def relation_from_parts(
    edge_type: EdgeType,
    parts: Callable[[], Iterable[Edges]],
    *,
    num_src: int,
    num_dst: int,
    empty: Empty = np.empty,
) -> Relation:
    """Sort edges that come in parts, as `hgl.graph.edges.lay_out` says.

    Raises: SchemaError: a row is out of range.
    """

    def checked() -> Iterator[Edges]:
        for part in parts():
            _check_rows(edge_type, "source", part.src, num_src)
            _check_rows(edge_type, "target", part.dst, num_dst)
            yield part

    laid = lay_out(checked, num_src=num_src, num_dst=num_dst, empty=empty)
    colptr, row = torch.from_numpy(laid.colptr), torch.from_numpy(laid.row)
    return Relation(edge_type, colptr, row, _tensor(laid.time), _tensor(laid.edge_row))


def foreign_key_relations(
    child: NodeType,
    fkey: str,
    parent: NodeType,
    parent_rows: np.ndarray,
    *,
    num_parents: int,
    child_time: np.ndarray | None,
    parent_time: np.ndarray | None,
    empty: Empty = np.empty,
) -> tuple[Relation, Relation]:
    """Draw a foreign key both ways: `f2p_<fkey>` to the parent, `rev_f2p_<fkey>` to the child.

    Args:
        parent_rows: [num_children] parent's row of each child row, negative where there is none.
        child_time: [num_children] int64 seconds, None for a static table.
        parent_time: [num_parents] likewise.
        empty: makes the relations' arrays.
    Raises: SchemaError: a parent row is out of range.
    """
    rows = row_parts(child_time, len(parent_rows))

    def forth() -> Iterator[Edges]:
        for children, parents, time in known():
            yield Edges(children, parents, time)

    def back() -> Iterator[Edges]:
        for children, parents, _ in known():
            yield Edges(parents, children)

    def known() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        for part in rows:
            children = part.start + np.flatnonzero(parent_rows[part] >= 0)
            parents = parent_rows[children]
            _check_rows((child, f"f2p_{fkey}", parent), "target", parents, num_parents)
            times = [
                None if times is None else times[of]
                for times, of in ((child_time, children), (parent_time, parents))
            ]
            kept = np.ones(len(children), bool)
            for time in times:
                if time is not None:
                    kept &= time != UNKNOWN_TIME
            of_child = None if times[0] is None else times[0][kept]
            yield children[kept], parents[kept], of_child

    made = [
        relation_from_parts(edge_type, parts, num_src=num_src, num_dst=num_dst, empty=empty)
        for edge_type, parts, num_src, num_dst in (
            ((child, f"f2p_{fkey}", parent), forth, len(parent_rows), num_parents),
            ((parent, f"rev_f2p_{fkey}", child), back, num_parents, len(parent_rows)),
        )
    ]
    named = sum(int((parent_rows[part] >= 0).sum()) for part in rows)
    hidden = [dataclasses.replace(r, num_hidden=named - r.num_edges) for r in made]
    return hidden[0], dataclasses.replace(hidden[1], source_time=_tensor(parent_time))


@dataclass(frozen=True)
class RelationStore:
    """All tables and relations of a database; a graph is a choice among them and copies nothing.

    Attributes:
        num_nodes: rows per table.
        time: [rows] int64 seconds per table, None for a static one.
        relations: by edge type.
        visible_until: rows later than this second count as absent; None: all are there.
    """

    num_nodes: Mapping[NodeType, int]
    time: Mapping[NodeType, Tensor | None]
    relations: Mapping[EdgeType, Relation]
    visible_until: int | None = None

    @classmethod
    def load(cls, folder: Path) -> RelationStore:
        """Map the arrays that `write_relations` left in `folder`. Raises: CacheError: damaged."""
        reader = ArrayReader(folder)
        tables, relations = reader.index["tables"], {}
        for position, kept in enumerate(reader.index["relations"]):
            edge_type, row_type = _edge_type(kept["edge_type"]), kept["row_type"]
            arrays: dict[str, Any] = {
                name: reader.find(f"relation-{position}-{name}") for name in _ARRAYS
            }
            counts = {name: kept[name] for name in _COUNTS}
            relations[edge_type] = Relation(
                edge_type, **arrays, row_type=row_type and _edge_type(row_type), **counts
            )
        return cls(
            {table["name"]: table["num_nodes"] for table in tables},
            {table["name"]: reader.find(f"time-{i}") for i, table in enumerate(tables)},
            relations,
            reader.index["visible_until"],
        )


_ARRAYS = ("colptr", "row", "time", "edge_row", "source_time")
_COUNTS = ("num_hidden", "num_null")


def write_relations(
    folder: Path,
    num_nodes: Mapping[NodeType, int],
    time: Mapping[NodeType, Tensor | None],
    relations: Iterable[Relation],
    visible_until: int | None = None,
) -> None:
    """Write a store to the empty `folder`, one relation in memory at a time, the index last."""
    writer = ArrayWriter(folder)
    tables, kept = [], []
    for position, (name, count) in enumerate(num_nodes.items()):
        writer.write(f"time-{position}", time[name])
        tables.append({"name": name, "num_nodes": count})
    for position, relation in enumerate(relations):
        for name, array in relation.arrays.items():
            writer.write(f"relation-{position}-{name}", array)
        counts = {name: getattr(relation, name) for name in _COUNTS}
        types = {"edge_type": relation.edge_type, "row_type": relation.row_type}
        kept.append({**types, **counts})
    writer.close({"tables": tables, "relations": kept, "visible_until": visible_until})


def _edge_type(names: Sequence[str]) -> EdgeType:
    source, label, target = names
    return source, label, target


def _tensor(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _check_rows(edge_type: EdgeType, end: str, rows: np.ndarray, count: int) -> None:
    if len(rows) and not (rows.min() >= 0 and rows.max() < count):
        found = f"rows {rows.min()} to {rows.max()}"
        raise SchemaError(f"relation {edge_type}: {end} {found}, expected 0 to {count - 1}")
