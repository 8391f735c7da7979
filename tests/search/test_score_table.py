"""A table answers as the arrays say, survives its file, and refuses files of other spaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.errors import CacheError, ConfigError, SchemaError, SourceError
from hgl.search.score_table import ScoreTable
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung, Trial
from tests.search.published import schema, space

SMALL = schema(posts={"owner": "users"}, votes={"post": "posts", "voter": "users"}, users={})


def small() -> SpecSpace:
    return SpecSpace(SMALL, "users")


def drawn(
    models: SpecSpace, metric: str = "roc_auc", seeds: int = 3, epochs: int = 4, seed: int = 0
) -> ScoreTable:
    """A table of random scores, some missing and one model without any."""
    random = np.random.default_rng(seed)
    shape = (models.count, seeds, epochs)
    val, test = random.random(shape), random.random(shape)
    val[random.random(shape) < 0.2] = np.nan
    val[0] = np.nan
    supernet = random.random(models.count)
    return ScoreTable(models, metric, val, test, random.random(shape[:2]), supernet, {"of": "f1"})


@given(
    seed=st.integers(0, 2**16),
    metric=st.sampled_from(["roc_auc", "mae"]),
    epochs=st.integers(1, 4),
    seeds=st.integers(1, 3),
)
def test_agrees_with_loops_over_seeds_and_epochs(
    seed: int, metric: str, epochs: int, seeds: int
) -> None:
    models = small()
    table = drawn(models, metric, seed=seed)
    sign = -1 if metric == "mae" else 1
    rung = Rung(epochs, seeds)
    vector = table.scores(rung)
    for position, model in enumerate(models):
        best, tested = [], []
        for s in range(3):
            known = [
                (sign * float(v), e)
                for e, v in enumerate(table.val[position, s])
                if not np.isnan(v)
            ]
            if within := [pair for pair in known if pair[1] < epochs]:
                best += [max(within)[0]] if s < seeds else []
            if known:
                epoch = max(known, key=lambda pair: (pair[0], -pair[1]))[1]
                tested.append(sign * float(table.test[position, s, epoch]))
        found = table.score(Trial(model, 0), Ladder((rung,)))
        if best:
            assert found == pytest.approx(np.mean(best), rel=1e-6)
            assert found == vector[position]
        else:
            assert found is None
            assert np.isnan(vector[position])
        expected = np.mean(tested) if tested else np.nan
        assert table.test_at(position) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_the_test_split_never_moves_a_score() -> None:
    table = drawn(small())
    other = ScoreTable(table.space, table.metric, table.val, 1 - table.test, table.seconds)
    assert np.array_equal(table.scores(Rung(4, 3)), other.scores(Rung(4, 3)), equal_nan=True)


def test_file_round_trip(tmp_path: Path) -> None:
    table = drawn(small())
    for name in ("a.parquet", "deeper/a.parquet", "a.parquet"):
        table.save(tmp_path / name)
    found = ScoreTable.load(tmp_path / "a.parquet", small())
    for name in ("val", "test", "seconds", "supernet"):
        assert np.array_equal(getattr(found, name), getattr(table, name), equal_nan=True)
    assert (found.metric, dict(found.notes)) == ("roc_auc", {"of": "f1"})
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", "deeper"}


def test_without_supernet(tmp_path: Path) -> None:
    table = drawn(small(), seeds=1, epochs=1)
    bare = ScoreTable(table.space, "mae", table.val, table.test, table.seconds)
    bare.save(tmp_path / "a.parquet")
    assert ScoreTable.load(tmp_path / "a.parquet", small()).supernet is None


def test_published_space_below_a_megabyte(tmp_path: Path) -> None:
    models = space("driver-top3")
    table = drawn(models, seeds=3, epochs=10)
    table.save(tmp_path / "f1.parquet")
    assert (tmp_path / "f1.parquet").stat().st_size < 1e6


def test_passwords_stay_out_of_the_file(tmp_path: Path) -> None:
    table = drawn(small())
    notes = {"command": "hgl search source=postgresql://me:secret@host/db"}
    ScoreTable(small(), "mae", table.val, table.test, table.seconds, None, notes).save(
        tmp_path / "a.parquet"
    )
    assert b"secret" not in (tmp_path / "a.parquet").read_bytes()


def test_refuses_wrong_arrays() -> None:
    models, good = small(), drawn(small())
    with pytest.raises(ConfigError, match="metric='auc': expected one of roc_auc"):
        ScoreTable(models, "auc", good.val, good.test, good.seconds)
    with pytest.raises(ConfigError, match=rf"val has shape .*: expected \[{models.count}, num"):
        ScoreTable(models, "mae", good.val[:1], good.test, good.seconds)
    with pytest.raises(ConfigError, match="test has shape"):
        ScoreTable(models, "mae", good.val, good.test[:, :1], good.seconds)
    with pytest.raises(ConfigError, match="supernet has shape"):
        ScoreTable(models, "mae", good.val, good.test, good.seconds, good.seconds)


def test_refuses_what_was_not_measured() -> None:
    table = drawn(small())
    with pytest.raises(ConfigError, match="epochs=5: the table has 1 to 4"):
        table.scores(Rung(5))
    with pytest.raises(ConfigError, match="seeds=4: the table has 1 to 3"):
        table.scores(Rung(1, 4))
    other = SpecSpace(SMALL, "users", 1)
    with pytest.raises(SchemaError, match="not in the space"):
        table.score(Trial(other[0], 0), Ladder((Rung(1),)))


def test_refuses_files_of_other_spaces(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    drawn(small()).save(file)
    with pytest.raises(CacheError, match="another space: num_hops=2, expected 3"):
        ScoreTable.load(file, SpecSpace(SMALL, "users", 3))
    with pytest.raises(CacheError, match="another space: entity_table='users', expected 'posts'"):
        ScoreTable.load(file, SpecSpace(SMALL, "posts"))
    renamed = schema(posts={"by": "users"}, votes={"post": "posts", "voter": "users"}, users={})
    with pytest.raises(CacheError, match="another space: choices="):
        ScoreTable.load(file, SpecSpace(renamed, "users"))


def test_refuses_damaged_files(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    with pytest.raises(CacheError, match="expected a table of scores"):
        ScoreTable.load(file, small())
    drawn(small()).save(file)
    whole = pq.read_table(file)
    for damaged in (whole.slice(1), whole.take(np.arange(whole.num_rows)[::-1])):
        pq.write_table(damaged, file)
        with pytest.raises(CacheError, match=r"is damaged: expected each of \d+ models as often"):
            ScoreTable.load(file, small())
    pq.write_table(whole.drop(["test"]), file)
    with pytest.raises(CacheError, match="is damaged"):
        ScoreTable.load(file, small())
    pq.write_table(whole.replace_schema_metadata({}), file)
    with pytest.raises(CacheError, match="expected a table of scores that hgl wrote"):
        ScoreTable.load(file, small())
    other = {b"hgl.scores": whole.schema.metadata[b"hgl.scores"].replace(b"roc_auc", b"auc")}
    pq.write_table(whole.replace_schema_metadata(other), file)
    with pytest.raises(CacheError, match="is damaged: metric='auc'"):
        ScoreTable.load(file, small())
    file.write_bytes(b"no table")
    with pytest.raises(CacheError, match="expected a table of scores"):
        ScoreTable.load(file, small())


def test_refuses_notes_and_places_it_cannot_write(tmp_path: Path) -> None:
    table = drawn(small())
    odd = ScoreTable(small(), "mae", table.val, table.test, table.seconds, None, {"a": {1}})
    with pytest.raises(ConfigError, match="notes="):
        odd.save(tmp_path / "a.parquet")
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        table.save(tmp_path / "file" / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
