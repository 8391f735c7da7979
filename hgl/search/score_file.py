"""A score table as a Parquet file: a row per model and seed, what it measures in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.db.cache import disk_errors
from hgl.db.files import aside_of
from hgl.db.redact import redact_all
from hgl.errors import CacheError, ConfigError, SourceError
from hgl.search.space import SpecSpace

VERSION = 1
_KEY = b"hgl.scores"


def write(
    path: Path,
    space: SpecSpace,
    metric: str,
    columns: Mapping[str, np.ndarray],
    supernet: np.ndarray | None,
    notes: Mapping[str, Any],
) -> None:
    """Write arrays of [num_models, num_seeds, ...]; passwords in `notes` are left out.

    Raises: ConfigError: JSON cannot hold `notes`. SourceError: the file cannot be written.
    """
    about = {"version": VERSION, "space": described(space), "metric": metric}
    try:
        text = json.dumps({**about, "notes": redact_all(notes)})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"notes={notes!r}: expected what JSON can hold ({error})") from None
    models, seeds = columns["seconds"].shape
    arrays = {
        "bits": pa.array(np.repeat(bits(space), seeds)),
        "seed": pa.array(np.tile(np.arange(seeds, dtype=np.int32), models)),
        **{name: _array(values) for name, values in columns.items()},
    }
    if supernet is not None:
        arrays["supernet"] = pa.array(np.repeat(supernet, seeds))
    table = pa.table(arrays).replace_schema_metadata({_KEY: text})
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside_of(path) as aside:
                pq.write_table(table, aside, compression="zstd")
    except OSError as error:
        raise SourceError(f"{str(path)!r} cannot be written ({error.strerror})") from None


def read(path: Path, space: SpecSpace) -> dict[str, Any]:
    """Return the metric, the arrays and the notes of a file that `write` wrote for a space.

    Raises: CacheError: the file is absent, damaged, or of another space.
    """
    try:
        table = pq.read_table(path)
        about = json.loads((table.schema.metadata or {})[_KEY])
        version, stored = about["version"], about["space"]
    except KeyError:
        raise CacheError(f"{path}: expected a table of scores that hgl wrote") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise CacheError(f"{path}: expected a table of scores ({reason})") from None
    if version != VERSION:
        raise CacheError(f"{path} has version {version}: expected {VERSION}")
    _check_space(path, stored, described(space))
    try:
        return {**_arrays(table, space), "metric": about["metric"], "notes": about["notes"]}
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise CacheError(f"{path} is damaged: {' '.join(str(error).split())}") from None


def described(space: SpecSpace) -> dict[str, Any]:
    """Return what tells spaces apart, as JSON holds it."""
    reach = space.reach
    return {
        "entity_table": reach.entity_table,
        "destination": reach.destination,
        "num_hops": reach.num_hops,
        "choices": [f"{link}: {link.ends[0]} to {link.ends[1]}" for link in reach.encoding.links],
        "count": space.count,
    }


def bits(space: SpecSpace) -> np.ndarray:
    """[count] text: the bits of every model, which sort as the models do."""
    return np.array([model.to_bits() for model in space], dtype=object)


def _check_space(path: Path, stored: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if stored.get(name) != value:
            raise CacheError(
                f"{path} is of another space: {name}={stored.get(name)!r}, expected {value!r}"
            )


def _array(values: np.ndarray) -> pa.Array:
    """[models, seeds] as numbers, [models, seeds, epochs] as lists of a fixed size."""
    flat = pa.array(values.ravel())
    return flat if values.ndim == 2 else pa.FixedSizeListArray.from_arrays(flat, values.shape[2])


def _arrays(table: pa.Table, space: SpecSpace) -> dict[str, np.ndarray]:
    """Return the arrays. Raises: ValueError: rows are not every model times every seed."""
    seeds, rest = divmod(table.num_rows, space.count)
    found = table["bits"].to_numpy()
    order = table["seed"].to_numpy()
    if rest or not np.array_equal(found, np.repeat(bits(space), seeds)):
        raise ValueError(f"expected each of {space.count} models as often, in order")
    if not np.array_equal(order, np.tile(np.arange(seeds), space.count)):
        raise ValueError(f"expected seeds 0 to {seeds - 1} of every model, in order")
    numbers = {"seconds": table["seconds"].to_numpy().reshape(space.count, seeds)}
    for name in ("val", "test"):
        values = table[name].combine_chunks().flatten().to_numpy()
        numbers[name] = values.reshape(space.count, seeds, -1)
    if "supernet" in table.column_names:
        numbers["supernet"] = table["supernet"].to_numpy()[::seeds]
    return numbers
