"""Runs on graphs with a table drawn as edges: rows with null keys, and neighbours over edges."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml

from hgl.errors import ConfigError
from hgl.graph.spec import GraphSpec, NullKeys
from hgl.train.run import Experiment, Sampling
from hgl.train.trainer import Trainer
from tests.search.market import experiment


def drawn(null_keys: NullKeys = "drop", factor: float = 1.0) -> Experiment:
    own = experiment()
    sampling = dataclasses.replace(own.sampling, edge_fan_out=factor)
    spec = GraphSpec(edge_tables=("purchases",), null_keys=null_keys)
    return dataclasses.replace(own, spec=spec, sampling=sampling, trainer=Trainer(max_epochs=1))


def most_edges(asked: Experiment) -> dict[str, int]:
    """Most edges that a customer has in a batch, per relation."""
    prepared = asked.prepare()
    run = asked.untrained(prepared)
    batch = next(iter(asked.loader(run, prepared.seeds["val"])))
    return {
        " ".join(edge_type): int(torch.diff(batch[edge_type].rowptr).max())
        for edge_type in batch.edge_types
        if edge_type[2] == "customers"
    }


def test_edges_of_tables_have_neighbours_of_their_own_number() -> None:
    equal, fewer = most_edges(drawn()), most_edges(drawn(factor=0.3))
    assert equal.keys() == fewer.keys()
    scaled = {key for key in equal if equal[key] != fewer[key]}
    assert all("purchases" in key for key in scaled)
    assert equal["letters f2p_customer_id customers"] == 4
    (edges,) = (key for key in equal if "r2e_purchases" in key)
    assert (equal[edges], fewer[edges]) == (4, 2)


@pytest.mark.parametrize("factor", [0.0, -0.5, float("inf"), float("nan")])
def test_numbers_of_neighbours_out_of_range(factor: float) -> None:
    with pytest.raises(ConfigError, match=f"edge_fan_out={factor}: expected a finite number"):
        Sampling(edge_fan_out=factor)


def test_a_run_says_what_became_of_the_rows(tmp_path: Path) -> None:
    asked = drawn("sink")
    asked.train(tmp_path)
    notes = yaml.safe_load((tmp_path / "run.yaml").read_text())
    assert "purchases sink" in notes["static_tables"]
    counts = notes["rows_as_edges"]["customers r2e_purchases products"]
    rows = asked.db.schema.table("purchases").num_rows
    assert counts == {"edges": rows, "unknown_time": 0, "null_key": 0}
    assert asked.restore(tmp_path).features["purchases sink"].num_rows == 1
