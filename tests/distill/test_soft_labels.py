"""No teacher labels a seed whose time it has trained on; further seeds stay in training time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hgl.distill import soft_labels
from hgl.distill.observe import observe
from hgl.distill.soft_labels import forward_chained, spread_out
from hgl.distill.stale import longest_lag, stale
from hgl.errors import ConfigError
from hgl.tasks.seeds import SeedTable
from hgl.train.objective import objective_for
from hgl.train.prepared import Prepared
from hgl.train.run import Experiment
from tests.train.shop import experiment


@pytest.fixture(scope="module")
def shop() -> tuple[Experiment, Prepared]:
    asked = experiment(max_epochs=1)
    return asked, asked.prepare()


def test_teachers_know_no_answer_of_the_stretch_they_label(
    shop: tuple[Experiment, Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, prepared = shop
    pairs: list[tuple[SeedTable, SeedTable]] = []
    label = soft_labels._label

    def watched(*given: object) -> torch.Tensor:
        pairs.append((given[2], given[3]))  # type: ignore[arg-type]
        return label(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(soft_labels, "_label", watched)
    train = prepared.seeds["train"]
    found = forward_chained(asked, prepared, train, stretches=3, epochs=1, folder=tmp_path)
    assert len(pairs) == 2
    for taught, labelled in pairs:
        assert (taught.time + taught.task.timedelta).max() <= labelled.time.min()
    known = ~found.isnan().any(1).numpy()
    assert sum(len(labelled) for _, labelled in pairs) == known.sum()
    # The first stretch goes without, and only that.
    assert train.time[~known].max() < train.time[known].min()


def test_labels_stay_with_their_seeds_in_any_order(
    shop: tuple[Experiment, Prepared], tmp_path: Path
) -> None:
    asked, prepared = shop
    train = prepared.seeds["train"]
    order = np.random.default_rng(0).permutation(len(train))
    mixed = train.moved(train.time)
    mixed = soft_labels.replace(mixed, entity=train.entity[order], time=train.time[order])
    plain, shuffled = (
        forward_chained(asked, prepared, seeds, stretches=2, epochs=1, folder=tmp_path / name)
        for name, seeds in (("a", train), ("b", mixed))
    )
    agree = torch.isclose(plain[torch.as_tensor(order)], shuffled, atol=0.2, equal_nan=True)
    assert agree.float().mean() > 0.95  # batches hold other seeds, so draws differ a little


def test_outputs_observed_are_what_predictions_are_made_of(
    shop: tuple[Experiment, Prepared],
) -> None:
    asked, prepared = shop
    run = asked.untrained(prepared)
    val = prepared.seeds["val"]
    view = observe(asked, run, val)
    predicted = asked.trainer.predict(run.model, run.objective, asked.loader(run, val))
    assert objective_for("binary", val.answers).predict(view.out) == pytest.approx(predicted)
    assert torch.allclose(run.model.head(view.embedding), view.out, atol=1e-5)
    assert not run.model.head._forward_hooks, "a teacher is left as it was"


def test_a_model_without_a_head_is_no_teacher(shop: tuple[Experiment, Prepared]) -> None:
    asked, prepared = shop
    run = asked.untrained(prepared)
    del run.model.head
    with pytest.raises(ConfigError, match="module `head`"):
        observe(asked, run, prepared.seeds["val"])


def test_further_seeds_lie_in_training_time_and_after_their_entity_is_known(
    shop: tuple[Experiment, Prepared],
) -> None:
    train = shop[1].seeds["train"]
    customers = int(train.entity.max()) + 1
    known = np.quantile(train.time, np.linspace(0, 0.9, customers)).astype(np.int64)
    extra = spread_out(train, known, share=3.0, seed=0)
    assert len(extra) == 3 * len(train)
    assert extra.target is None
    assert extra.time.max() <= train.time.max()
    assert extra.time.min() >= train.time.min()
    late = known[extra.entity] > train.time.min()
    assert (extra.time >= known[extra.entity])[late].all()
    assert not np.isin(extra.time, train.time).all()
    again = spread_out(train, known, share=3.0, seed=0)
    assert np.array_equal(extra.time, again.time)


def test_stale_seeds_see_less_but_their_own_row(shop: tuple[Experiment, Prepared]) -> None:
    train = shop[1].seeds["train"]
    known = np.full(int(train.entity.max()) + 1, train.time.min())
    seen = stale(train, known, staleness=20 * 86400, seed=0)
    lag = train.time - seen.visible_until
    assert (lag >= 0).all()
    assert (seen.visible_until >= known[seen.entity]).all()
    assert lag.max() <= 20 * 86400
    assert lag.std() > 86400


def test_the_longest_lag_is_validations(shop: tuple[Experiment, Prepared]) -> None:
    val = shop[1].seeds["val"]
    assert longest_lag(val) == val.time.max() - val.visible_until
    assert longest_lag(soft_labels.replace(val, visible_until=None)) == 0
