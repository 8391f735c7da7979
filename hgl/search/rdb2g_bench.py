"""RDB2G-Bench's published scores (arXiv:2506.01360) as a score table, for users who have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hgl.errors import CacheError, ConfigError, SourceError
from hgl.search.score_file import bits
from hgl.search.score_table import ScoreTable
from hgl.search.space import SpecSpace

EPOCHS = 20
"""Epochs the published models were trained for."""
_NAMES = ["dataset", "task", "gnn"]
_NUMBERS = ["valid_metric", "test_metric", "train_time"]
_COLUMNS = [*_NAMES, "idx", "graph", "seed", *_NUMBERS]
_PREFIX = "graph_"


def import_scores(
    source: Path,
    space: SpecSpace,
    *,
    dataset: str,
    task: str,
    gnn: str,
    metric: str,
    tag: str | None = None,
) -> ScoreTable:
    """Return the published scores of a task as a table of one epoch: that of the best validation.

    Seconds are the published time per epoch, validation included, times 20 epochs. A model's
    missing seeds are NaN. The reference trained on databases whose edge tables show later rows,
    and its link tasks know one network under three names: see the benchmark's documentation.

    Args:
        source: the Parquet file of `kaistdata/RDB2G-Bench`, or the folder of
            `<dataset>/<task>/<tag>/<gnn>/<seed>.csv`.
        space: of that task, with two hops.
        dataset, task, gnn: as the columns of these names have them.
        metric: what was published, a name in `METRICS`.
        tag: the run, of a folder with several.
    Raises: SourceError: there is no such file. ConfigError: it has no such task, or several tags.
        CacheError: it is damaged, or its graphs are not the space's.
    """
    wanted = dict(zip(_NAMES, (dataset, task, gnn)))
    if source.is_dir():
        rows = _read_folder(source / dataset / task, gnn, tag)
    else:
        rows = _read_parquet(source)
    rows = _chosen(rows, wanted, source)
    where = f"{source}: {dataset}/{task}/{gnn}"
    _check_graphs(rows, bits(space), where)
    seeds = np.unique(rows["seed"])
    shape = (space.count, len(seeds))
    places = (rows["idx"].to_numpy(), np.searchsorted(seeds, rows["seed"]))
    filled = {}
    for name in _NUMBERS:
        filled[name] = np.full(shape, np.nan, np.float32)
        filled[name][places] = rows[name]
    notes = {**wanted, "tag": tag, "seeds": seeds.tolist(), "source": "RDB2G-Bench"}
    return ScoreTable(
        space,
        metric,
        filled["valid_metric"][:, :, None],
        filled["test_metric"][:, :, None],
        filled["train_time"] * EPOCHS,
        notes=notes,
    )


def _read_parquet(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise SourceError(f"source {str(file)!r} is no file or folder")
    try:
        held = pq.read_schema(file).names
        _check_columns(held, file)
        return pq.read_table(file, columns=_COLUMNS).to_pandas()
    except pa.ArrowException as error:
        raise CacheError(f"{file} is no Parquet file ({' '.join(str(error).split())})") from None


def _read_folder(folder: Path, gnn: str, tag: str | None) -> pd.DataFrame:
    """Read the files of all seeds of one run."""
    if not folder.is_dir():
        raise SourceError(f"source: there is no folder {str(folder)!r}")
    tags = sorted(path.name for path in folder.iterdir() if path.is_dir())
    chosen = tags[0] if tag is None and len(tags) == 1 else tag
    if chosen not in tags:
        raise ConfigError(f"tag={tag!r}: expected one of {', '.join(tags)} in {folder}")
    files = sorted((folder / chosen / gnn).glob("*.csv"))
    if not files:
        known = ", ".join(sorted(path.name for path in (folder / chosen).iterdir()))
        raise ConfigError(f"gnn={gnn!r}: expected one of {known} in {folder / chosen}")
    return pd.concat([_read_csv(file) for file in files], ignore_index=True)


def _read_csv(file: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(file)
    except (ValueError, pd.errors.ParserError) as error:
        raise CacheError(f"{file} is no table of scores ({error})") from None
    _check_columns(list(rows), file)
    if (rows["seed"].astype(str) != file.stem).any():
        raise CacheError(f"{file} holds seed {rows['seed'].iloc[0]}: expected {file.stem}")
    return rows[_COLUMNS]


def _check_columns(held: Sequence[str], file: Path) -> None:
    if missing := [name for name in _COLUMNS if name not in held]:
        raise CacheError(f"{file} lacks {', '.join(missing)}: expected RDB2G-Bench's columns")


def _chosen(rows: pd.DataFrame, wanted: dict[str, str], source: Path) -> pd.DataFrame:
    """Return one task's rows, as numbers. Raises: ConfigError: there are none."""
    mine = np.logical_and.reduce([rows[name] == value for name, value in wanted.items()])
    if not mine.any():
        known = rows[_NAMES].drop_duplicates().astype(str).agg("/".join, axis=1)
        raise ConfigError(
            f"{'/'.join(wanted.values())} is not in {source}: expected one of "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    try:
        whole = dict.fromkeys(("idx", "seed"), np.int64)
        return rows[mine].astype({**whole, **dict.fromkeys(_NUMBERS, np.float32)})
    except (ValueError, TypeError) as error:
        raise CacheError(f"{source} holds what is no number: {error}") from None


def _check_graphs(rows: pd.DataFrame, expected: np.ndarray, where: str) -> None:
    """Check that each row's graph is the model at its position, once per seed."""
    outside = ~rows["idx"].between(0, len(expected) - 1)
    if outside.any():
        idx = rows["idx"][outside].iloc[0]
        raise CacheError(f"{where} has idx={idx}: expected 0 to {len(expected) - 1}")
    due = _PREFIX + expected[rows["idx"]]
    if len(wrong := np.flatnonzero(rows["graph"].to_numpy() != due)):
        row = rows.iloc[wrong[0]]
        known = row["graph"] in set(_PREFIX + expected)
        reason = "is elsewhere in" if known else "is not in"
        raise CacheError(
            f"{where} has graph {row['graph']!r} at idx={row['idx']}, which {reason} the space: "
            f"expected {due[wrong[0]]!r}"
        )
    twice = rows.duplicated(["idx", "seed"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise CacheError(f"{where} has idx={row['idx']} of seed {row['seed']} more than once")
