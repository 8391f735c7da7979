"""Codes of parents: which row a seed's parent is, when the cache was filled, and nothing later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hgl.aggregates.places import parents
from hgl.db.database import Database
from hgl.distill.asked_rows import AskedRows
from hgl.distill.parent_codes import DAY, ParentCodes, last_refill
from hgl.distill.parents import named
from hgl.distill.stale import SeenSeeds
from hgl.errors import ConfigError
from hgl.graph.build import build_graph, build_store
from hgl.tasks import population
from hgl.train.prepared import Prepared, TrainedRun
from hgl.train.run import Experiment
from tests.train.shop import experiment, shop


def _made(asked: Experiment) -> tuple[Experiment, Prepared, TrainedRun, AskedRows]:
    prepared = asked.prepare()
    seeds = {**prepared.seeds, "test": asked.seeds("test")}
    known = population.known_from(asked.task, asked.db)
    rows = AskedRows.draw(seeds, known, extra=0.2, staleness=20 * DAY, seed=0)
    return asked, prepared, asked.untrained(prepared), rows


def _columns(asked: Experiment) -> tuple[dict[str, torch.Tensor], AskedRows]:
    made, prepared, run, rows = _made(asked)
    target = torch.as_tensor(rows.seeds["train"].answers, dtype=torch.float32)
    return ParentCodes(made, prepared, run, rows, target).read().columns, rows


@pytest.fixture(scope="module")
def asked() -> Experiment:
    return replace(experiment(), db=shop(num_brands=4))


@pytest.mark.parametrize("cut", ["inclusive", "strict"])
def test_a_parent_is_the_one_that_the_latest_visible_row_names(cut: str) -> None:
    db = shop(num_customers=20, num_brands=5)
    orders = db.frame("orders", ["customer_id", "brand_id", "at"])
    random = np.random.default_rng(1)
    entity = random.integers(20, size=300)
    time = (pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(-2, 210, 300), "D")).values
    time = time.astype("datetime64[s]").astype(np.int64)
    until = time - random.integers(0, 30, 300) * DAY
    seeds = SeenSeeds(entity, time, cut, until)  # type: ignore[arg-type]
    ((anchor, parent),) = parents(db.schema, "customers")
    found = named(build_store(db), "customers", anchor, parent, seeds)
    at = orders["at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    for i in range(len(seeds)):
        sees = at <= until[i] if cut == "inclusive" else at < until[i]
        mine = orders[sees & (orders["customer_id"] == entity[i])]
        assert found[i] == (mine["brand_id"].iloc[-1] if len(mine) else -1)
    assert -1 in found
    assert len(np.unique(found)) == 6


def test_a_row_that_names_nobody_has_no_parent() -> None:
    orders = pd.DataFrame(
        {"order": [0, 1], "customer": [0, 1], "brand": [None, 1.0], "at": ["2024-01-01"] * 2}
    )
    tables = {
        "customers": pd.DataFrame({"customer": [0, 1]}),
        "brands": pd.DataFrame({"brand": [0, 1]}),
        "orders": orders.astype({"at": "datetime64[s]", "brand": "Int64"}),
    }
    manifest = {
        "tables": {
            "customers": {"pkey": ["customer"]},
            "brands": {"pkey": ["brand"]},
            "orders": {
                "pkey": ["order"],
                "time_col": "at",
                "fkeys": {"customer": "customers", "brand": "brands"},
            },
        }
    }
    db = Database.open(tables, manifest=manifest)
    ((anchor, parent),) = parents(db.schema, "customers")
    late = np.full(2, 2_000_000_000)
    seeds = SeenSeeds(np.arange(2), late, "inclusive", late)
    assert named(build_store(db), "customers", anchor, parent, seeds).tolist() == [-1, 1]


def test_a_cache_is_refilled_on_the_step_of_training_and_a_step_old_at_least() -> None:
    moments = np.array([100, 110, 120])
    time = np.array([120, 125, 140, 90, 140])
    seeds = SeenSeeds(np.zeros(5, int), time, "inclusive", np.array([120, 125, 140, 90, 112]))
    assert last_refill(seeds, moments).tolist() == [110, 110, 130, 80, 110]


def test_each_parent_has_a_vector_its_age_and_whether_it_is_there(asked: Experiment) -> None:
    columns, rows = _columns(asked)
    assert {s: len(part) for s, part in columns.items()} == {
        s: len(part) for s, part in rows.asked().items()
    }
    part = columns["train"]
    vectors, days, missing = part[:, :-2], part[:, -2], part[:, -1].bool()
    assert 0 < missing.sum() < len(missing)
    assert (vectors[missing] == 0).all()
    assert 1 < len(vectors[~missing].unique(dim=0)) <= 256
    step = 10 * DAY
    first = len(rows.seeds["train"])
    assert torch.allclose(days[:first].expm1(), torch.tensor(step / DAY), atol=1e-3)


def test_nothing_later_than_the_refill_is_read(asked: Experiment) -> None:
    """A database that ends with validation changes no column but those of test."""
    made, prepared, run, rows = _made(asked)
    target = torch.as_tensor(rows.seeds["train"].answers, dtype=torch.float32)
    ends = int(rows.seeds["val"].time.max())
    cut = made.db.upto(pd.Timestamp(ends, unit="s"))
    whole = ParentCodes(made, prepared, run, rows, target).read().columns
    ended = replace(run, graph=build_graph(cut))
    other = ParentCodes(made, replace(prepared, drawn=cut), ended, rows, target)
    found = other.read().columns
    assert torch.equal(whole["train"], found["train"])
    assert torch.equal(whole["val"], found["val"])
    assert not torch.equal(whole["test"], found["test"])


def test_a_graph_without_parents_is_refused() -> None:
    with pytest.raises(ConfigError, match="parent_codes=true: neither 'customers'"):
        _columns(experiment())


def test_a_teacher_must_say_what_it_makes_of_parents(asked: Experiment) -> None:
    made, prepared, run, rows = _made(asked)
    target = torch.as_tensor(rows.seeds["train"].answers, dtype=torch.float32)
    other = ParentCodes(made, prepared, replace(run, model=torch.nn.Linear(1, 1)), rows, target)
    with pytest.raises(ConfigError, match="Linear: expected a model with `embed"):
        other.read()
