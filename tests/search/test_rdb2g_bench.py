"""RDB2G-Bench's layout becomes a table; what does not fit the space is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hgl.errors import CacheError, ConfigError, HglError, SourceError
from hgl.search.rdb2g_bench import import_scores
from hgl.search.score_table import ScoreTable
from hgl.search.space import SpecSpace
from hgl.search.trial import Rung
from tests.search.published import schema, space

SMALL = schema(posts={"owner": "users"}, votes={"post": "posts", "voter": "users"}, users={})
MODELS = SpecSpace(SMALL, "users")


def published(
    models: SpecSpace = MODELS,
    seeds: tuple[int, ...] = (7, 8, 12),
    dataset: str = "rel-small",
    task: str = "user-churn",
    gnn: str = "GraphSAGE",
) -> pd.DataFrame:
    """Rows as published; every metric tells its model and seed."""
    frames = []
    for seed in seeds:
        idx = np.arange(models.count)
        frame = pd.DataFrame({"idx": idx, "graph": [f"graph_{m.to_bits()}" for m in models]})
        for shift, name in enumerate(["train_metric", "valid_metric", "test_metric"]):
            frame[name] = shift + idx / 1000 + seed / 100_000
        frame["params"] = 1000
        frame["train_time"], frame["valid_time"], frame["test_time"] = 0.5, 0.1, 0.1
        frame["dataset"], frame["task"], frame["seed"], frame["gnn"] = dataset, task, seed, gnn
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def as_parquet(folder: Path, rows: pd.DataFrame) -> Path:
    rows.to_parquet(folder / "published.parquet", index=False)
    return folder / "published.parquet"


def as_folder(folder: Path, rows: pd.DataFrame, tag: str = "final") -> Path:
    for (db, task, gnn, seed), part in rows.groupby(["dataset", "task", "gnn", "seed"]):
        file = folder / "tables" / db / task / tag / gnn / f"{seed}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        part.to_csv(file, index=False)
    return folder / "tables"


def read(source: Path, models: SpecSpace = MODELS, **wanted: Any) -> ScoreTable:
    named = {"dataset": "rel-small", "task": "user-churn", "gnn": "GraphSAGE"}
    return import_scores(source, models, **{"metric": "roc_auc", **named, **wanted})


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=0)


@pytest.mark.parametrize("write", [as_parquet, as_folder])
def test_rows_in_any_order_of_one_task_among_several(write: Any, tmp_path: Path) -> None:
    others = [
        published(task="user-visits"),
        published(gnn="GIN"),
        published(space("driver-top3"), dataset="rel-f1", task="driver-top3"),
    ]
    rows = pd.concat([published(), *others], ignore_index=True)
    table = read(write(tmp_path, shuffled(rows)))
    assert table.val.shape == (MODELS.count, 3, 1)
    for position in range(MODELS.count):
        for s, seed in enumerate((7, 8, 12)):
            told = position / 1000 + seed / 100_000
            assert table.val[position, s, 0] == np.float32(1 + told)
            assert table.test[position, s, 0] == np.float32(2 + told)
    assert (table.seconds == 10).all()
    assert table.notes["seeds"] == [7, 8, 12]
    assert table.test_at(3) == pytest.approx(2.00309)


def test_a_published_space(tmp_path: Path) -> None:
    models = space("driver-top3")
    rows = published(models, dataset="rel-f1", task="driver-top3")
    table = read(as_parquet(tmp_path, rows), models, dataset="rel-f1", task="driver-top3")
    assert table.scores(Rung(1, 3)).argmax() == 721


@pytest.mark.parametrize("write", [as_parquet, as_folder])
def test_a_missing_seed_is_left_out_of_the_mean(write: Any, tmp_path: Path) -> None:
    rows = published()
    rows = rows[(rows["idx"] != 2) | (rows["seed"] != 8)]
    table = read(write(tmp_path, shuffled(rows[rows["idx"] != 4])))
    assert np.isnan(table.val[2, 1, 0])
    assert table.scores(Rung(1, 3))[2] == pytest.approx(1 + 2 / 1000 + (7 + 12) / 2 / 100_000)
    assert np.isnan(table.scores(Rung(1, 3))[4])
    assert np.isnan(table.test_at(4))


def test_lower_is_better_is_negated(tmp_path: Path) -> None:
    table = read(as_parquet(tmp_path, published()), metric="mae")
    assert table.scores(Rung(1, 3)).argmax() == 0
    assert table.test_at(0) == pytest.approx(-2.00009)


def test_another_space_is_refused(tmp_path: Path) -> None:
    source = as_parquet(tmp_path, published())
    with pytest.raises(CacheError, match=r"at idx=0, which is not in the space: expected 'graph_"):
        read(source, space("driver-top3"))
    hops = SpecSpace(SMALL, "users", 1)
    assert hops.count < MODELS.count
    with pytest.raises(CacheError, match=f"has idx={hops.count}: expected 0 to {hops.count - 1}"):
        read(source, hops)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("graph", "graph_000", r"graph 'graph_000' at idx=2, which is not in the space"),
        ("graph", MODELS[1].to_bits(), "which is not in the space"),
        ("graph", f"graph_{MODELS[1].to_bits()}", "which is elsewhere in the space"),
        ("graph", None, "which is not in the space"),
        ("idx", -1, "has idx=-1: expected 0 to"),
        ("idx", "none", "holds what is no number"),
        ("idx", None, "holds what is no number"),
        ("valid_metric", "good", "holds what is no number"),
    ],
)
@pytest.mark.parametrize("write", [as_parquet, as_folder])
def test_wrong_rows_are_refused(
    write: Any, column: str, value: Any, message: str, tmp_path: Path
) -> None:
    rows = published(seeds=(7,)).astype({column: object})
    rows.loc[2, column] = value
    if isinstance(value, str):
        rows[column] = rows[column].astype(str)
    with pytest.raises(CacheError, match=message):
        read(write(tmp_path, rows))


@pytest.mark.parametrize("write", [as_parquet, as_folder])
def test_repeated_rows_and_lacking_columns_are_refused(write: Any, tmp_path: Path) -> None:
    rows = published()
    with pytest.raises(CacheError, match="has idx=0 of seed 7 more than once"):
        read(write(tmp_path, pd.concat([rows, rows.head(1)])))
    with pytest.raises(CacheError, match="lacks valid_metric, train_time: expected"):
        read(write(tmp_path, rows.drop(columns=["valid_metric", "train_time"])))


def test_what_is_not_there(tmp_path: Path) -> None:
    source, tables = as_parquet(tmp_path, published()), as_folder(tmp_path, published())
    wanted: list[tuple[Path, dict[str, Any], type[HglError], str]] = [
        (source, {"task": "x"}, ConfigError, "expected one of rel-small/user-churn/GraphSAGE"),
        (source, {"gnn": "GIN"}, ConfigError, "rel-small/user-churn/GIN is not in"),
        (tables, {"task": "x"}, SourceError, "there is no folder"),
        (tables, {"gnn": "GIN"}, ConfigError, "gnn='GIN': expected one of GraphSAGE"),
        (tables, {"tag": "x"}, ConfigError, "tag='x': expected one of final"),
        (tables / "none", {}, SourceError, "no file or folder"),
        (source, {"metric": "auc"}, ConfigError, "metric='auc'"),
    ]
    for place, named, error, message in wanted:
        with pytest.raises(error, match=message):
            read(place, **named)
    as_folder(tmp_path, published(seeds=(1,)), tag="second")
    with pytest.raises(ConfigError, match="tag=None: expected one of final, second"):
        read(tables)
    assert read(tables, tag="second").num_seeds == 1


def test_damaged_files(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(CacheError, match="is no Parquet file"):
        read(file)
    tables = as_folder(tmp_path, published())
    csv = next(tables.rglob("7.csv"))
    csv.rename(csv.with_name("9.csv"))
    with pytest.raises(CacheError, match="holds seed 7: expected 9"):
        read(tables)
    csv.with_name("9.csv").write_bytes(b"")
    with pytest.raises(CacheError, match="is no table of scores"):
        read(tables)
