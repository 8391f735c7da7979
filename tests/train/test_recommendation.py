"""Learning to recommend on a market where customers buy what they bought before."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hgl.db.database import Database
from hgl.errors import ConfigError
from hgl.models.id_gnn import IDGNN, both_ways
from hgl.models.relational import RelationalModel
from hgl.models.sage import HeteroGraphSAGE
from hgl.models.two_tower import TwoTower
from hgl.tasks.baselines import baselines
from hgl.tasks.metrics import evaluate
from hgl.train.ranking import LOSSES
from hgl.train.recommendation import RecommendationExperiment
from hgl.train.run import Sampling
from hgl.train.trainer import Trainer
from tests.tasks.market import buys, market, orders

MODELS = [IDGNN, TwoTower]


def experiment(kind: Any, db: Database | None = None, **changes: Any) -> RecommendationExperiment:
    gnn = functools.partial(HeteroGraphSAGE, num_layers=2)
    options = {"gnn": gnn, "channels": 16, "shared_embedding": kind is TwoTower}
    epochs = changes.pop("max_epochs", 2)
    stated = {
        "db": db or market(),
        "task": buys(),
        "model": functools.partial(kind, **options),
        "trainer": Trainer(lr=0.01, max_epochs=epochs, device="cpu"),
        "sampling": Sampling(num_neighbors=(16, 2), strategy="last", aggregates=(1, 5)),
        "policy": "rolling",
    }
    return RecommendationExperiment(**{**stated, **changes})


def test_id_gnn_beats_popularity_where_customers_come_back(tmp_path: Path) -> None:
    asked = experiment(IDGNN, max_epochs=8)
    outcome = asked.train(tmp_path)
    seeds = outcome.seeds
    popular = baselines(asked.db, seeds["train"], seeds["val"], seeds["test"])["popularity"]
    target = seeds["test"].answers
    least = evaluate("recommendation", target, popular["test"])["map"] + 0.3
    assert outcome.metrics["test"]["map"] > least
    frame = pd.read_parquet(tmp_path / "predictions" / "test.parquet")
    assert list(frame) == ["customer_id", "timestamp", "product", "prediction"]
    assert all(len(set(row)) == 3 and set(row) <= KEYS for row in frame["prediction"])


KEYS = {f"p{i:02d}" for i in range(30)}


@pytest.mark.parametrize("model", MODELS)
def test_a_run_is_restored_as_it_was(model: Any, tmp_path: Path) -> None:
    asked = experiment(model)
    outcome = asked.train(tmp_path)
    again = experiment(model).predict(tmp_path, asked.seeds("test"))
    assert np.array_equal(outcome.predictions["test"], again)


@pytest.mark.parametrize("model", MODELS)
def test_what_comes_after_the_seed_changes_nothing(model: Any, tmp_path: Path) -> None:
    asked = experiment(model)
    asked.train(tmp_path)
    seeds = asked.seeds("test")
    later = orders()
    after = later["at"] > pd.Timestamp(int(seeds.time[0]), unit="s")
    later.loc[after, ["product", "amount"]] = ["p07", 9.0]
    changed = experiment(model, market(later))
    assert np.array_equal(asked.predict(tmp_path, seeds), changed.predict(tmp_path, seeds))

    earlier = orders()
    earlier["product"] = earlier["product"].map(dict(zip(sorted(KEYS), sorted(KEYS)[::-1])))
    forged = experiment(model, market(earlier))
    assert not np.array_equal(asked.predict(tmp_path, seeds), forged.predict(tmp_path, seeds))


def test_batches_share_a_time_and_say_who_is_linked_to_what() -> None:
    asked = experiment(IDGNN)
    prepared = asked.prepare()
    run, train = asked.untrained(prepared), prepared.seeds["train"]
    loader = asked.loader(run, train, shuffle=True)
    seen = []
    batches = list(loader)
    assert len(batches) == len(loader) == len(np.unique(train.time))
    for batch in batches:
        own, others = batch["customers"], batch.destinations["products"]
        assert own.seed_time.unique().tolist() == others.seed_time.unique().tolist()
        scored = others.n_id[: others.batch_size]
        assert scored.tolist() == list(range(30))
        for position, linked in zip(own.input_id.tolist(), own.y, strict=True):
            answers = train.answers
            expected = answers.values[answers.ptr[position] : answers.ptr[position + 1]]
            assert scored[linked > 0].tolist() == expected.tolist()
        seen += own.input_id.tolist()
    assert sorted(seen) == list(range(len(train)))


def test_a_training_batch_scores_its_links_and_a_few_others() -> None:
    sampling = Sampling(num_neighbors=(4, 2), batch_size=5, most_destinations=12)
    asked = experiment(IDGNN, sampling=sampling)
    prepared = asked.prepare()
    run, train = asked.untrained(prepared), prepared.seeds["train"]
    widths, sums = [], 0.0
    for batch in asked.loader(run, train, shuffle=True):
        linked = batch["customers"].y
        widths.append(linked.shape[1])
        sums += float(linked.sum())
    assert max(widths) <= 12
    assert sums == train.answers.counts.sum(), "no link is left out"
    val = prepared.seeds["val"]
    assert all(b["customers"].y.shape[1] == 30 for b in asked.loader(run, val))


def test_two_processes_share_the_seeds() -> None:
    asked = experiment(IDGNN)
    prepared = asked.prepare()
    loader = asked.loader(asked.untrained(prepared), prepared.seeds["train"], shuffle=True)
    whole = [shard.tolist() for shard in loader.shards(3)]
    loader.world_size, halves = 2, []
    for loader.rank in range(2):
        halves.append([shard.tolist() for shard in loader.shards(3)])
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


def test_destinations_that_were_reached_are_scored_on_their_own() -> None:
    asked = experiment(IDGNN)
    prepared = asked.prepare()
    run = asked.untrained(prepared)
    (batch,) = asked.loader(run, prepared.seeds["val"])
    scores = run.model.train().scores(batch)  # type: ignore[operator]
    spread = scores.std(0)
    found = batch["products"]
    reached = torch.zeros_like(scores, dtype=torch.bool)
    reached[found.batch, found.n_id] = True
    base = torch.stack([column[~mask][0] for column, mask in zip(scores.T, reached.T)])
    assert torch.allclose(scores[~reached], base.expand_as(scores)[~reached])
    assert (spread > 0).all()


def test_edges_go_both_ways_once() -> None:
    forth, back = ("a", "f2p_x", "b"), ("b", "rev_f2p_x", "a")
    edges = {forth: torch.tensor([[0, 1], [0, 0]]), back: torch.tensor([[0, 2], [0, 1]])}
    found = {e: set(map(tuple, i.T.tolist())) for e, i in both_ways(edges).items()}
    assert found[forth] == {(0, 0), (1, 0), (1, 2)}
    assert found[back] == {(0, 0), (2, 1), (0, 1)}
    assert all(i.shape[1] == 3 for i in both_ways(edges).values())


@pytest.mark.parametrize("name", LOSSES)
def test_losses_prefer_links_on_top(name: str) -> None:
    linked = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]])
    torch.manual_seed(0)
    good, bad = (LOSSES[name](sign * (2 * linked - 1), linked) for sign in (3.0, -3.0))
    assert good.shape == (3,)
    assert (good[:2] < bad[:2]).all()
    assert torch.isfinite(good).all()


def test_a_model_for_the_other_kind_of_task_is_refused() -> None:
    entity = functools.partial(RelationalModel, gnn=HeteroGraphSAGE)
    with pytest.raises(ConfigError, match="expected a recommender such as model=idgnn"):
        experiment(IDGNN, model=entity)
    with pytest.raises(ConfigError, match="history: expected none for a recommendation task"):
        experiment(IDGNN, history=True)
    with pytest.raises(ConfigError, match="loss='hinge': expected bpr or bce"):
        TwoTower(
            metadata=(["a"], []),
            layouts={},
            timed=[],
            entity_table="a",
            destination_table="a",
            num_destinations=1,
            eval_k=1,
            gnn=HeteroGraphSAGE,
            loss="hinge",  # type: ignore[arg-type]
        )
