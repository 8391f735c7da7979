"""Graph models are trained alike, whatever was trained before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hgl.search.evaluator import Evaluator
from hgl.train.checkpoint import load_tensors, save_tensors
from tests.search.market import evaluator


@pytest.fixture(scope="module")
def market() -> Evaluator:
    return evaluator()


def test_the_space_is_the_schemas(market: Evaluator) -> None:
    assert market.space.count == len(set(market.space.masks.tolist())) == 7
    assert (market.metric, market.sign) == ("roc_auc", 1)


def test_results_depend_on_model_epochs_and_seed_alone(market: Evaluator, tmp_path: Path) -> None:
    models = [market.space.all_rows, market.space[0], market.space[5]]
    first = [market.evaluate(m, epochs=2, seed=3, folder=tmp_path / m.to_bits()) for m in models]
    again = evaluator()
    for model, before in reversed(list(zip(models, first, strict=True))):
        found = again.evaluate(model, epochs=2, seed=3, folder=tmp_path / "x" / model.to_bits())
        assert found.val == before.val
        assert again.test(model, found, seed=3) == market.test(model, before, seed=3)
    other = market.evaluate(models[0], epochs=2, seed=4, folder=tmp_path / "other")
    assert other.val != first[0].val


def test_more_epochs_go_on_from_fewer(market: Evaluator, tmp_path: Path) -> None:
    model = market.space.all_rows
    short = market.evaluate(model, epochs=2, seed=0, folder=tmp_path / "a")
    long = market.evaluate(model, epochs=4, seed=0, folder=tmp_path / "a")
    whole = market.evaluate(model, epochs=4, seed=0, folder=tmp_path / "b")
    assert long.val == whole.val
    assert long.val[:2] == short.val
    assert market.evaluate(model, epochs=2, seed=0, folder=tmp_path / "a").val == short.val


@pytest.mark.parametrize("damage", ["truncated state", "damaged weights", "another's weights"])
def test_damaged_checkpoints_are_no_fault_of_the_graph(
    damage: str, market: Evaluator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, folder = market.space.all_rows, tmp_path / "a"
    whole = market.evaluate(model, epochs=2, seed=0, folder=folder)
    weights, state = folder / "model.safetensors", folder / "state.safetensors"
    match damage:
        case "truncated state":
            os.truncate(state, state.stat().st_size // 2)
        case "damaged weights":
            weights.write_bytes(b"half")
        case _:
            tensors, notes = load_tensors(weights)
            save_tensors(weights, tensors, {"epoch": notes["epoch"] + 1})
    again = market.evaluate(model, epochs=2, seed=0, folder=folder)
    assert "training from the beginning" in caplog.text
    assert again.val == whole.val
    assert market.test(model, again, seed=0) == market.test(model, whole, seed=0)


def test_columns_of_edges_are_learned_from(market: Evaluator, tmp_path: Path) -> None:
    """What tells customers apart is a column of the purchases."""
    space = market.space
    edges = space.draw(edge_tables=["purchases"])
    without = space.draw([("letters", "customer_id")])
    scores = [
        max(market.evaluate(m, epochs=4, seed=0, folder=tmp_path / m.to_bits()).val)
        for m in (edges, without)
    ]
    assert scores[0] > 0.75
    assert scores[1] < 0.65
