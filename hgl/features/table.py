"""One table's columns as compact tensors, memory-mapped when they come from disk."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hgl.features.instants import Instants
from hgl.mapped import mapped
from hgl.typing import TableLayout


@dataclass(frozen=True)
class TableFeatures:
    """Encoded columns of all rows of a table, grouped by semantic type.

    Attributes:
        layout: column names and sizes of each block.
        blocks: `numerical`, `categorical` and `text` as `TableLayout` describes them; a block
            without columns is absent.
        num_rows: rows of the table.
        instants: what the block `timestamp` is computed from; None without such columns.
    """

    layout: TableLayout
    blocks: Mapping[str, Tensor]
    num_rows: int
    instants: Instants | None = None

    def gather(self, rows: Tensor, names: Collection[str] | None = None) -> dict[str, Tensor]:
        """Copy the rows at [n] int64 positions, which must be on the blocks' device.

        Args:
            names: blocks to copy, where they are there; None for all.
        Returns: blocks as `TableLayout` describes them.
        """
        kept = self.blocks if names is None else self.blocks.keys() & names
        found = {name: self.blocks[name].index_select(0, rows) for name in kept}
        if self.instants is not None and (names is None or "timestamp" in names):
            found["timestamp"] = self.instants.gather(rows)
        return found

    @property
    def arrays(self) -> list[Tensor]:
        """What the blocks are read from."""
        instants = [self.instants.seconds, self.instants.age] if self.instants else []
        return [*self.blocks.values(), *instants]

    @property
    def device(self) -> torch.device:
        """Where the blocks are."""
        return self.arrays[0].device if self.arrays else torch.device("cpu")

    def to(self, device: torch.device | str) -> TableFeatures:
        """Return the same features on `device`."""
        blocks = {name: block.to(device) for name, block in self.blocks.items()}
        instants = None if self.instants is None else self.instants.to(device)
        return TableFeatures(self.layout, blocks, self.num_rows, instants)

    @classmethod
    def empty(cls, num_rows: int) -> TableFeatures:
        """Features of a table without columns."""
        return cls(TableLayout(), {}, num_rows)

    @classmethod
    def load(cls, folder: Path) -> TableFeatures:
        """Map the arrays of `folder`, written by `TableWriter`; nothing is read yet."""
        index = json.loads((folder / "layout.json").read_text())
        kept: dict[str, Any] = {k: _frozen(v) for k, v in index["layout"].items()}
        # Copy-on-write, because torch warns about read-only memory; nothing writes to it.
        blocks = {
            name: torch.from_numpy(mapped(folder / f"{name}.npy")) for name in index["blocks"]
        }
        instants = None
        if index["recurs"]:
            recurs = torch.tensor(index["recurs"])
            instants = Instants(blocks.pop("seconds"), blocks.pop("age"), recurs)
        return cls(TableLayout(**kept), blocks, index["num_rows"], instants)


class TableWriter:
    """Writes one table's blocks to `folder`, batch by batch, without holding the table.

    Args:
        folder: created; one `.npy` per block and `layout.json`, written last.
        layout: sizes of the blocks.
        num_rows: rows to come.
        recurs: of `Instants`, per timestamp column.
    """

    def __init__(
        self,
        folder: Path,
        layout: TableLayout,
        num_rows: int,
        recurs: Sequence[Sequence[bool]] = (),
    ) -> None:
        folder.mkdir(parents=True)
        self._recurs = recurs
        self.folder, self.layout, self.num_rows, self._next = folder, layout, num_rows, 0
        self._arrays = {
            name: _mapped(folder / f"{name}.npy", dtype, (num_rows, *shape))
            for name, (shape, dtype) in _block_shapes(layout).items()
            if shape[0] > 0
        }

    def append(self, blocks: Mapping[str, np.ndarray]) -> None:
        """Write the next rows; all blocks have as many."""
        count = len(next(iter(blocks.values()))) if blocks else 0
        for name, block in blocks.items():
            self._arrays[name][self._next : self._next + count] = block
        self._next += count

    def close(self) -> None:
        """Flush and describe what was written."""
        for array in self._arrays.values():
            array.flush()
        index = {
            "layout": asdict(self.layout),
            "recurs": self._recurs,
            "blocks": list(self._arrays),
            "num_rows": self.num_rows,
        }
        (self.folder / "layout.json").write_text(json.dumps(index))


def _mapped(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """Map a new `.npy` file of `shape`. Raises: OSError: the disk has no room for it."""
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # The file has holes, and writing to one on a full disk would kill the process (SIGBUS).
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _block_shapes(layout: TableLayout) -> dict[str, tuple[tuple[int, ...], type]]:
    """Shape of one row and number type of each array."""
    return {
        "numerical": ((len(layout.numerical),), np.float32),
        "categorical": ((len(layout.categorical),), np.int32),
        "text": ((len(layout.text), layout.text_channels), np.float32),
        "seconds": ((len(layout.timestamp),), np.float64),
        "age": ((len(layout.timestamp),), np.float32),
    }


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
