"""Docstrings and signatures are read from source as Python itself would read them."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from hgl.commands.describe import describe
from hgl.commands.target import resolve
from hgl.errors import ConfigError

TARGETS = [
    "hgl.commands.train.train",
    "hgl.commands.ingest.ingest",
    "hgl.train.trainer.Trainer",
    "hgl.train.run.Sampling",
    "hgl.graph.spec.GraphSpec",
    "hgl.models.relational.RelationalModel",
    "hgl.models.sage.HeteroGraphSAGE",
]


@pytest.mark.parametrize("target", TARGETS)
def test_agrees_with_inspect(target: str) -> None:
    found = resolve(target)
    described = describe(target)
    signature = inspect.signature(found)
    assert list(described.arguments) == list(signature.parameters)
    for name, parameter in signature.parameters.items():
        has_default = parameter.default is not parameter.empty
        assert (described.arguments[name].default is not None) == has_default
    assert described.summary == str(inspect.getdoc(found)).split("\n")[0]


def test_joins_lines_of_one_argument_and_stops_at_the_next_section() -> None:
    arguments = describe("hgl.train.trainer.Trainer").arguments
    assert arguments["final_lr"].text.endswith("reached along a cosine.")
    assert "Raises" not in arguments["watcher"].text


def test_imports_nothing() -> None:
    code = (
        "import sys; from hgl.commands.describe import describe; "
        "describe('hgl.train.trainer.Trainer'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("target", ["hgl.train.trainer.Trainr", "hgl.nowhere.X", "nowhere.X", "X"])
def test_unknown_target(target: str) -> None:
    with pytest.raises(ConfigError, match="no such class or function"):
        describe(target)


def test_a_constructor_may_be_inherited_within_its_module() -> None:
    found = describe("hgl.search.methods.greedy.GreedyForward")
    assert found.summary.startswith("Every model of a single relation")
    policy = found.arguments["policy"]
    assert (policy.default, policy.text[:11]) == ("'repair'", "which actio")
    assert not {"kinds", "towards"} & found.arguments.keys()
