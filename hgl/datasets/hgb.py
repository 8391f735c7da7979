"""HGB's node classification sets (arXiv:2112.14936) as PyG graphs; a graph, so not a database.

A set is `<NAME>.zip`, or the folder `<NAME>` unpacked from it, with `info.dat`, `node.dat`,
`link.dat`, `label.dat` and `label.dat.test`. PyG's `HGBDataset` wants these unpacked under names of
its own, writes a pickle beside them, shifts the rows of a type where some nodes lack attributes,
and keeps both directions of a link under labels that do not tell which belong together.
"""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from hgl.db.unpacked import check_archive
from hgl.errors import SchemaError, SourceError, check_range
from hgl.typing import EdgeType, NodeType, reverse_of

Source = Path | zipfile.Path


def hgb(name: str, folder: Path | str, *, val_share: float = 0.2, seed: int = 0) -> HeteroData:
    """Read a set; node types and edge types are sorted.

    Per node type: `x` ([n, attributes] float32) where the file has attributes, else `num_nodes`
    alone. Per edge type: `edge_index` ([2, e] int64). The relation is called what the file calls
    it; a link type that lists the same links the other way becomes its reverse
    (`hgl.typing.reverse_of`), and one that has no such partner gets a reverse. Link weights are not
    read: in ACM and DBLP all are 1. The labelled type also has `y` ([n] int64, -1 where unknown)
    and bool masks: `test_mask` is HGB's, `train_mask` and `val_mask` share HGB's training labels.

    Args:
        name: of the set: `ACM`, `DBLP`.
        folder: that holds `<name>.zip` or `<name>/`; the folder is taken first.
        val_share: of the training labels; see `with_validation`.
        seed: decides which of them.
    Raises: SourceError: a file is absent, the archive unpacks to more than its size allows, or a
        line is not what was expected. SchemaError: labels belong to several node types.
        ConfigError: `val_share` is out of range.
    """
    check_range("val_share", val_share, 0, 1)
    source = _open(name, Path(folder))
    info = _info(source)
    types = {int(k): str(v) for k, v in info["node.dat"]["node type"].items()}
    kind, position, attributes = _nodes(source, types)
    data = HeteroData()
    for code, node_type in sorted(types.items(), key=lambda item: item[1]):
        if code in attributes:
            data[node_type].x = torch.from_numpy(attributes[code])
        data[node_type].num_nodes = int((kind == code).sum())
    links = _links(source, types, info["link.dat"]["link type"], kind, position)
    for edge_type, ends in sorted(links.items()):
        data[edge_type].edge_index = torch.from_numpy(ends)
    _label(data, source, types, kind, position)
    return with_validation(data, share=val_share, seed=seed)


def with_validation(data: HeteroData, *, share: float, seed: int) -> HeteroData:
    """Draw anew which training labels are for validation; `data` stays as it is.

    Args:
        data: as `hgb` returns it.
        share: of the labels outside `test_mask`, rounded down.
        seed: same seed, same labels.
    """
    node_type = labelled_type(data)
    out = copy.copy(data)
    known = (data[node_type].train_mask | data[node_type].val_mask).nonzero()[:, 0]
    drawn = np.random.default_rng(seed).permutation(len(known))[: int(share * len(known))]
    out[node_type].val_mask = _mask(known[torch.from_numpy(drawn)], out[node_type].num_nodes)
    out[node_type].train_mask = _mask(known, out[node_type].num_nodes) & ~out[node_type].val_mask
    return out


def labelled_type(data: HeteroData) -> NodeType:
    """The node type that has labels."""
    return next(t for t in data.node_types if "y" in data[t])


def _open(name: str, folder: Path) -> Source:
    """The set's folder, on disk or in its archive; other entries of the archive are never seen."""
    if (folder / name / "info.dat").is_file():
        return folder / name
    archive = folder / f"{name}.zip"
    try:
        check_archive(archive)
        root = zipfile.Path(archive, f"{name}/")
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"folder={str(folder)!r}: expected {name}.zip or {name}/info.dat there ({error})"
        ) from error
    if not (root / "info.dat").is_file():
        raise SourceError(f"{archive}: expected an entry {name}/info.dat")
    return root


def _info(source: Source) -> Mapping[str, Any]:
    """`info.dat`: what types there are. Its attribute counts are wrong for DBLP and not used."""
    try:
        info = json.loads((source / "info.dat").read_text(encoding="utf-8"))
        info["node.dat"]["node type"].items(), info["link.dat"]["link type"].items()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{source}/info.dat: expected JSON with node.dat / node type and link.dat / link type "
            f"({error!r})"
        ) from error
    return info


def _lines(source: Source, file: str, least: int, most: int) -> Iterator[tuple[str, list[str]]]:
    """Each line's place, for messages, and its tab-separated fields."""
    if not (source / file).is_file():
        raise SourceError(f"{source}: {file} is missing")
    with (source / file).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\n").split("\t")
            place = f"{source}/{file}, line {number}"
            if not least <= len(fields) <= most:
                raise SourceError(f"{place}: {len(fields)} fields, expected {least} to {most}")
            yield place, fields


def _nodes(
    source: Source, types: Mapping[int, NodeType]
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """Per node, its type's code and its row in that type; per type with attributes, its matrix."""
    ids, kinds, rows = list[int](), list[int](), dict[int, list[np.ndarray]]()
    for place, (node, _, node_type, *values) in _lines(source, "node.dat", 3, 4):
        ids.append(_number(place, node))
        kinds.append(_number(place, node_type, types))
        rows.setdefault(kinds[-1], []).append(_attributes(place, values))
    if sorted(ids) != list(range(len(ids))):
        raise SourceError(f"{source}/node.dat: expected the ids 0 to {len(ids) - 1}, each once")
    code, order = np.zeros((2, len(ids)), dtype=np.int64)
    code[ids] = kinds
    for kind in rows:
        mine = np.array(ids)[np.array(kinds) == kind]
        order[mine] = np.arange(len(mine))
    return code, order, {k: _matrix(source, types[k], r) for k, r in rows.items() if _any(r)}


def _attributes(place: str, values: list[str]) -> np.ndarray:
    text = values[0] if values else ""
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    digits = raw[::2] - ord("0")
    # Bags of words are single digits, and nearly all of these files: ten times faster this way.
    if len(raw) % 2 and (digits < 10).all() and (raw[1::2] == ord(",")).all():
        return digits
    try:
        return np.array(text.split(",") if text else [], dtype=np.float32)
    except ValueError:
        raise SourceError(f"{place}: expected attributes as numbers between commas") from None


def _any(rows: list[np.ndarray]) -> bool:
    return any(len(row) for row in rows)


def _matrix(source: Source, node_type: NodeType, rows: list[np.ndarray]) -> np.ndarray:
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1:
        raise SourceError(
            f"{source}/node.dat: nodes of type {node_type!r} have {widths} attributes, expected "
            "the same number for all or none"
        )
    return np.stack(rows).astype(np.float32)


def _links(
    source: Source,
    types: Mapping[int, NodeType],
    kinds: Mapping[str, Mapping[str, Any]],
    kind: np.ndarray,
    position: np.ndarray,
) -> dict[EdgeType, np.ndarray]:
    """[2, links] rows per edge type, each relation and its reverse."""
    table = _link_table(source, len(kind))
    if unknown := set(np.unique(table[2]).tolist()) - {int(code) for code in kinds}:
        raise SourceError(f"{source}/link.dat: link type {min(unknown)} is not in info.dat")
    out, lone = dict[EdgeType, np.ndarray](), list[EdgeType]()
    for code, stated in sorted((int(k), v) for k, v in kinds.items()):
        start, end = int(stated["start"]), int(stated["end"])
        ends = table[:2, table[2] == code]
        if (kind[ends[0]] != start).any() or (kind[ends[1]] != end).any():
            raise SourceError(
                f"{source}/link.dat: links of type {code} expected from {types[start]!r} to "
                f"{types[end]!r}, as info.dat says"
            )
        edge_type, rows = (types[start], str(stated["meaning"]), types[end]), position[ends]
        same_ends = [e for e in lone if e[::2] == edge_type[::2]]
        if mirrored := next((e for e in same_ends if _same_links(rows, out[e])), None):
            lone.remove(mirrored)
            continue
        out[edge_type], out[reverse_of(edge_type)] = rows, rows[::-1].copy()
        lone.append(reverse_of(edge_type))
    return out


def _same_links(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two lists hold the same links, in whatever order."""
    return a.shape == b.shape and bool((a[:, np.lexsort(a)] == b[:, np.lexsort(b)]).all())


def _link_table(source: Source, num_nodes: int) -> np.ndarray:
    """[3, links] source, target and type of each link."""
    if not (source / "link.dat").is_file():
        raise SourceError(f"{source}: link.dat is missing")
    try:
        with (source / "link.dat").open(encoding="utf-8") as file:
            frame = pd.read_csv(file, sep="\t", header=None, usecols=[0, 1, 2], dtype=np.int64)
    except ValueError as error:
        raise SourceError(
            f"{source}/link.dat: expected source, target, type and weight between tabs ({error})"
        ) from error
    table = frame.to_numpy().T
    if table[:2].size and not (table[:2].min() >= 0 and table[:2].max() < num_nodes):
        raise SourceError(f"{source}/link.dat: expected node ids from 0 to {num_nodes - 1}")
    return table


def _label(
    data: HeteroData,
    source: Source,
    types: Mapping[int, NodeType],
    kind: np.ndarray,
    position: np.ndarray,
) -> None:
    """Give the labelled type its labels and masks; validation is still among the training ones."""
    train, test = (_labels(source, file, len(kind)) for file in ("label.dat", "label.dat.test"))
    both = np.intersect1d(train[0], test[0])
    if len(both):
        raise SourceError(f"{source}: node {both[0]} is in label.dat and label.dat.test")
    nodes, classes = np.concatenate([train, test], axis=1)
    found = np.unique(kind[nodes])
    if len(found) != 1:
        names = [types[code] for code in found.tolist()]
        raise SchemaError(f"{source}: labels of node types {names}, expected those of one type")
    store = data[types[int(found[0])]]
    store.y = torch.full((store.num_nodes,), -1)
    store.y[position[nodes]] = torch.from_numpy(classes)
    store.train_mask = _mask(torch.from_numpy(position[train[0]]), store.num_nodes)
    store.test_mask = _mask(torch.from_numpy(position[test[0]]), store.num_nodes)
    store.val_mask = torch.zeros_like(store.train_mask)


def _labels(source: Source, file: str, num_nodes: int) -> np.ndarray:
    """[2, labels] node and class."""
    rows = [
        (_number(place, node, range(num_nodes)), _number(place, label))
        for place, (node, _, _, label) in _lines(source, file, 4, 4)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 2).T


def _mask(rows: Tensor, count: int) -> Tensor:
    mask = torch.zeros(count, dtype=torch.bool)
    mask[rows] = True
    return mask


def _number(place: str, text: str, known: Collection[int] | None = None) -> int:
    if not text.isdecimal() or (known is not None and int(text) not in known):
        expected = "a whole number" if known is None else f"one of 0 to {max(known)}"
        raise SourceError(f"{place}: {text!r}, expected {expected}")
    return int(text)
