"""One network for all graph models: it learns, ranks what tells first, and says what it cost."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError
from hgl.models.relational import RelationalModel
from hgl.search.evaluator import Evaluator
from hgl.search.model_loader import ModelLoader
from hgl.search.supernet import Supernet
from hgl.train.predictions import score
from hgl.train.trainer import Trainer
from tests.search.market import evaluator, experiment, returns

EPOCHS = 4


@pytest.fixture(scope="module")
def binary() -> Evaluator:
    return evaluator()


@pytest.fixture(scope="module")
def supernet(binary: Evaluator, tmp_path_factory: pytest.TempPathFactory) -> Supernet:
    made = Supernet(binary)
    made.fit(epochs=EPOCHS, seed=0, folder=tmp_path_factory.mktemp("supernet"))
    return made


def test_models_that_draw_what_tells_come_first(supernet: Supernet) -> None:
    models = list(supernet.evaluator.space)
    scores = supernet.score(models)
    telling = np.array([m.roles["purchases"] != "out" for m in models])
    assert 0 < telling.sum() < len(models)
    assert scores[telling].min() > 0.65
    assert scores[telling].min() > scores[~telling].max()


def test_a_score_is_the_metric_of_the_models_own_graph(supernet: Supernet) -> None:
    experiment, prepared = supernet._experiment(1, 0), supernet.evaluator.prepared
    assert supernet.run is not None
    for model in supernet.evaluator.space:
        loader = experiment.loader(supernet.run, prepared.seeds["val"])
        found = experiment.trainer.predict(
            supernet.run.model, supernet.run.objective, loader.on(supernet.union.view(model))
        )
        expected = score(prepared.seeds["val"], prepared.seeds["train"], found)["roc_auc"]
        assert supernet.score([model])[0] == pytest.approx(expected, abs=1e-12)


def test_what_a_model_does_not_draw_has_no_say(binary: Evaluator, tmp_path: Path) -> None:
    supernet = Supernet(binary)
    supernet.fit(epochs=1, seed=0, folder=tmp_path)
    assert supernet.run is not None
    network = supernet.run.model
    assert isinstance(network, RelationalModel)
    model = binary.space.draw([("letters", "customer_id")])
    before = supernet.score([model])
    kept = supernet.union.view(model)
    absent = [i for i, e in enumerate(network.edge_types) if not kept.relations[e].num_edges]
    assert len(absent) == len(network.edge_types) - 2
    with torch.no_grad():
        for conv in network.gnn.convs:
            conv.neighbour[absent] += 100
        for parameter in network.rows.tables[network.node_types.index("purchases")].parameters():
            parameter += 100
    assert supernet.score([model]) == before
    assert supernet.score([binary.space.all_rows]) != before


def test_the_same_seed_gives_the_same_scores_resumed_or_not(
    supernet: Supernet, tmp_path: Path
) -> None:
    models = list(supernet.evaluator.space)
    expected = supernet.score(models)
    again = Supernet(supernet.evaluator)
    again.fit(epochs=EPOCHS // 2, seed=0, folder=tmp_path / "0")
    again.fit(epochs=EPOCHS, seed=0, folder=tmp_path / "0")
    np.testing.assert_array_equal(again.score(models[::-1])[::-1], expected)
    again.fit(epochs=EPOCHS, seed=1, folder=tmp_path / "1")
    assert (again.score(models) != expected).any()


def test_errors_are_negated_and_costs_are_kept(tmp_path: Path) -> None:
    task = dataclasses.replace(returns(), kind="regression", metric="mae")
    trial = dataclasses.replace(experiment(), task=task)
    supernet = Supernet(Evaluator(trial, Trainer))
    with pytest.raises(ConfigError, match="expected `fit` before `score`"):
        supernet.score([supernet.evaluator.space.all_rows])
    assert supernet.fit_seconds == supernet.score_seconds == 0
    progress = supernet.fit(epochs=1, seed=0, folder=tmp_path)
    scores = supernet.score(list(supernet.evaluator.space))
    assert (scores < 0).all()
    assert progress.best is None
    assert supernet.fit_seconds > 0
    before = supernet.score_seconds
    supernet.score([supernet.evaluator.space.all_rows])
    assert supernet.score_seconds > before > 0


def _loader(supernet: Supernet, split: str = "train", seed: int = 0) -> ModelLoader:
    experiment = supernet._experiment(1, seed)
    assert supernet.run is not None
    seeds = supernet.evaluator.prepared.seeds[split]
    return ModelLoader(
        experiment.loader(supernet.run, seeds, shuffle=split == "train"), supernet.union
    )


def _edges(batch: HeteroData) -> list[list[int]]:
    return [batch[e].edge_index.flatten().tolist() for e in batch.edge_types]


def test_each_batch_is_that_of_its_model(supernet: Supernet) -> None:
    loader = _loader(supernet)
    epochs = [[_edges(batch) for batch in loader] for _ in range(2)]
    for epoch, batches in enumerate(epochs):
        assert len(batches) == len(loader) > 3
        for step, batch in enumerate(batches):
            alone = loader.loader.on(supernet.union.view(loader.model(epoch, step)))
            alone.set_epoch(epoch, step)
            assert _edges(next(iter(alone))) == batch
    loader.set_epoch(1, step=2)
    assert [_edges(batch) for batch in loader] == epochs[1][2:]


def test_every_model_is_drawn_as_often_and_every_seed_once(supernet: Supernet) -> None:
    loader, space = _loader(supernet), supernet.evaluator.space
    drawn = Counter(loader.model(e, s) for e in range(100) for s in range(10))
    assert set(drawn) == set(space)
    assert max(drawn.values()) < 2 * min(drawn.values())
    other = _loader(supernet, seed=1)
    assert [loader.model(0, s) for s in range(20)] != [other.model(0, s) for s in range(20)]
    ids = torch.cat([batch["customers"].input_id for batch in loader])
    assert sorted(ids.tolist()) == list(range(len(loader.seeds.entity)))


def test_validation_batches_stay_the_same(supernet: Supernet) -> None:
    loader = _loader(supernet, "val")
    assert [_edges(b) for b in loader] == [_edges(b) for b in loader]


class Steps:
    """Hears how many steps an epoch has."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def start(self, phase: str, steps: int) -> None:
        self.counts.append(steps)

    def step(self, loss: float | None) -> None:
        pass

    def epoch(self, row: dict[str, Any]) -> None:
        pass


def test_fewer_seeds_per_step_are_more_models_per_epoch(binary: Evaluator, tmp_path: Path) -> None:
    count, steps = len(binary.prepared.seeds["train"].entity), Steps()
    trainer = functools.partial(Trainer, watcher=steps)
    for batch_size in (100, 300):
        supernet = Supernet(binary, trainer, batch_size=batch_size)
        supernet.fit(epochs=1, seed=0, folder=tmp_path / str(batch_size))
    assert steps.counts == [-(-count // 100), -(-count // 300)]
