"""Baselines against slow obvious references; none may use a label before its window has ended."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgl.db.database import Database
from hgl.errors import MissingExtra
from hgl.tasks import entity_row
from hgl.tasks.baselines import baselines, constant, entity_history
from hgl.tasks.metrics import evaluate
from hgl.tasks.seeds import SeedTable
from hgl.tasks.task import Task

HORIZON = 10


def seeds_of(split: str, rows: list[tuple[int, int, float]], **changed: object) -> SeedTable:
    entity, time, target = (np.array(column) for column in zip(*rows))
    task = Task("t", "users", ("id",), "y", "regression", HORIZON, sql="SELECT 1")
    table = SeedTable(
        task=task,
        split=split,
        entity=entity.astype(np.int64),
        time=time.astype(np.int64),
        target=target.astype(np.float64),
        classes=(),
        policy="frozen",
        cut="inclusive",
        visible_until=None,
        stats_until=0,
        fingerprint="",
    )
    return dataclasses.replace(table, **changed)


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-40, 40), st.integers(-5, 5)), min_size=1, max_size=30
)


@given(
    known=ROWS,
    asked=ROWS,
    until=st.none() | st.integers(-40, 40),
    cut=st.sampled_from(["inclusive", "strict"]),
)
def test_history_uses_labels_whose_window_has_ended(
    known: list, asked: list, until: int | None, cut: str
) -> None:
    train = seeds_of("train", known)
    val = seeds_of("val", asked, visible_until=until, cut=cut)
    prior = np.median([label for _, _, label in known])
    expected = []
    for entity, time, _ in asked:
        seen = time if until is None else min(time, until)
        ends = [(e, t + HORIZON, label) for e, t, label in known + asked if e == entity]
        past = [label for _, end, label in ends if end < seen or (end == seen and cut != "strict")]
        expected.append(np.mean([prior, *past]))
    np.testing.assert_allclose(entity_history([train, val], val), expected, atol=1e-12)


def test_history_may_not_see_a_label_in_the_making() -> None:
    """Changing labels whose window is still open at the seed changes no prediction."""
    train = seeds_of("train", [(0, 0, 1.0), (0, 5, 2.0), (0, 10, 3.0), (1, 0, 7.0)])
    val = seeds_of("val", [(0, 15, 0.0), (1, 19, 0.0)])
    first = entity_history([train, val], val)
    changed = dataclasses.replace(train, target=np.array([1.0, 2.0, 3.0 + 1e6, 7.0]))
    prior = np.median([1.0, 2.0, 3.0, 7.0])
    np.testing.assert_allclose(first, [(1 + 2 + prior) / 3, (7 + prior) / 2])
    shift = np.median(changed.target) - prior
    np.testing.assert_allclose(entity_history([changed, val], val), first + shift / [3, 2])


def test_constant_by_kind() -> None:
    train = seeds_of("train", [(0, 0, 1.0), (0, 1, 0.0), (0, 2, 0.0), (0, 3, 8.0)])
    assert constant([train], train).tolist() == [0.5] * 4
    binary = dataclasses.replace(train, target=np.array([1.0, 0, 0, 0]))
    binary = dataclasses.replace(
        binary, task=dataclasses.replace(train.task, kind="binary", metric="")
    )
    assert constant([binary], binary).tolist() == [0.25] * 4
    several = dataclasses.replace(
        train,
        target=np.array([0, 1, 2, 2]),
        classes=("a", "b", "c"),
        task=dataclasses.replace(train.task, kind="multiclass", metric=""),
    )
    assert constant([several], several).tolist() == [[0.25, 0.25, 0.5]] * 4


KINDS = {
    "binary": "age > 40 AND month(timestamp) % 2 = 0",
    "regression": "age * 2 + month(timestamp)",
    "multiclass": "CASE WHEN age > 60 THEN 'old' WHEN age > 40 THEN 'grown' ELSE 'young' END",
    "multilabel": "[x FOR x IN ['a', 'b'] IF x = 'a' OR age > 40]",
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Two hundred people whose age decides their labels."""
    draw = np.random.default_rng(0)
    people = pd.DataFrame(
        {
            "id": np.arange(200),
            "age": draw.integers(20, 80, 200),
            "town": draw.choice(["X", "Y", None], 200),
            "born": pd.Timestamp("1990-01-01") + pd.to_timedelta(draw.integers(0, 999, 200), "D"),
            "member": draw.choice([True, False], 200),
        }
    )
    events = pd.DataFrame({"at": pd.date_range("2020-01-01", "2021-01-01")})
    stypes = {"age": "numerical", "town": "categorical", "born": "timestamp", "member": "boolean"}
    manifest = {
        "tables": {
            "people": {"pkey": ["id"], "time_col": None, "columns": stypes},
            "events": {"time_col": "at"},
        }
    }
    return Database.open(
        {"people": people, "events": events},
        manifest=manifest,
        val_timestamp="2020-10-01",
        test_timestamp="2020-11-20",
        out=tmp_path_factory.mktemp("crowd") / "db",
    )


@pytest.fixture
def crowd_task() -> Callable[..., Task]:
    def make(kind: str, **fields: object) -> Task:
        sql = f"SELECT timestamp, id, {KINDS[kind]} AS label FROM timestamps, people"
        return Task(
            "crowd",
            "people",
            ("id",),
            "label",
            kind,
            20 * 86400,
            num_eval_timestamps=2,
            sql=sql,
            **fields,
        )

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_every_baseline_scores_on_every_kind(
    crowd: Database, crowd_task: Callable[..., Task], kind: str
) -> None:
    pytest.importorskip("lightgbm")
    task = crowd_task(kind)
    train, val, test = (task.seeds(crowd, split) for split in ("train", "val", "test"))
    found = baselines(crowd, train, val, test)
    assert list(found) == ["constant", "entity history", "LightGBM on the entity row"]
    scores = {
        name: evaluate(kind, test.target, predictions["test"])[task.metric]
        for name, predictions in found.items()
    }
    assert set(map(frozenset, found.values())) == {frozenset({"val", "test"})}
    sign = 1 if task.higher_is_better else -1
    best = scores["LightGBM on the entity row"]
    assert sign * best > sign * scores["constant"] or kind == "multilabel"
    again = entity_row.predict(crowd, train, val, test)
    np.testing.assert_array_equal(again["test"], found["LightGBM on the entity row"]["test"])


def test_removed_columns_are_no_features(
    crowd: Database, crowd_task: Callable[..., Task], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("lightgbm")
    columns = tuple(("people", name) for name in ("age", "town", "born", "member"))
    task = crowd_task("regression", remove_columns=columns)
    found = baselines(crowd, *(task.seeds(crowd, split) for split in ("train", "val", "test")))
    assert list(found) == ["constant", "entity history"]
    assert "table 'people' has no column that LightGBM could use" in caplog.text


def test_without_lightgbm_one_line_names_the_extra(
    crowd: Database,
    crowd_task: Callable[..., Task],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    task = crowd_task("regression")
    splits = [task.seeds(crowd, split) for split in ("train", "val", "test")]
    with pytest.raises(MissingExtra, match=r"hgl-rdl\[bench\]"):
        entity_row.predict(crowd, *splits)
    assert list(baselines(crowd, *splits)) == ["constant", "entity history"]
    assert caplog.text.count("hgl-rdl[bench]") == 1
