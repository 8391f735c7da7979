"""The tree of configurations: every file composes and fits what it configures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from hgl.bench.plan import Plan
from hgl.bench.tuning import draws
from hgl.cli import VERBS
from hgl.commands.describe import describe
from hgl.commands.target import build, completed
from hgl.tasks.task import Task
from tests.bench.made import CELL

TREE = Path(str(resources.files("hgl.conf")))
FILES = sorted(path.relative_to(TREE) for path in TREE.rglob("*.yaml"))
PRIMARY = [path.stem for path in FILES if path.parent == Path()]
TASKS = [path for path in FILES if path.parent == Path("task")]
OPTIONS = [path for path in FILES if path.parent not in (Path(), Path("task"))]


def verb_of(option: Path) -> str:
    """A verb that knows an option."""
    verbs = {"method": "search", "student": "distill", "sources": "distill", "limits": "serve"}
    verbs |= {"suite": "bench"}
    return verbs.get(option.parent.name, "train")


def composed(verb: str, *overrides: str) -> dict[str, Any]:
    with initialize_config_module("hgl.conf", version_base="1.3"):
        node = OmegaConf.to_container(compose(verb, list(overrides)), resolve=True)
    return {str(k): v for k, v in node.items()}  # type: ignore[union-attr]


def leaves(node: Any, path: str = "") -> Iterator[str]:
    """The dotted key of every value."""
    if not isinstance(node, Mapping):
        yield path
        return
    for key, value in node.items():
        yield from leaves(value, f"{path}.{key}" if path else str(key))


def targets(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every node with a target."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from targets(value)


def test_every_file_is_a_verb_an_option_or_a_task() -> None:
    assert sorted(PRIMARY) == sorted(VERBS)
    assert len(FILES) == len(PRIMARY) + len(TASKS) + len(OPTIONS)
    assert all(len(path.parts) == 2 for path in OPTIONS), "package_data reaches one level"
    # A file more or less is a decision: count it here.
    assert (len(PRIMARY), len(OPTIONS)) == (13, 48)
    groups = {"experiment", "graph", "limits", "method", "model", "sampling", "sources"}
    groups |= {"student", "suite", "trainer"}
    assert {str(path.parent) for path in OPTIONS} == groups


@pytest.mark.parametrize("verb", PRIMARY)
def test_a_verb_gives_its_function_every_argument(verb: str) -> None:
    config = composed(verb)
    assert config.pop("_target_") == VERBS[verb]
    assert config.keys() == describe(VERBS[verb]).arguments.keys() - {"config"}


@pytest.mark.parametrize("path", OPTIONS, ids=str)
def test_every_option_composes_and_binds(path: Path) -> None:
    verb = verb_of(path)
    config = composed(verb, f"{path.parent}={path.stem}")
    checked = completed(config | {"_partial_": True})
    parts = {name: node for name, node in checked.items() if isinstance(node, Mapping)}
    assert path.parent.name in {*parts, "experiment"}
    assert all(node["_target_"].startswith("hgl.") for node in targets(parts))


@pytest.mark.parametrize("path", [p for p in OPTIONS if p.parent.name == "experiment"], ids=str)
def test_an_experiment_only_overrides(path: Path) -> None:
    text = (TREE / path).read_text()
    assert text.startswith("# @package _global_\n")
    stated = OmegaConf.create(text)
    stated.pop("defaults", None)
    with_it, without = composed("train", f"experiment={path.stem}"), composed("train")
    assert with_it.keys() == without.keys()
    for key in leaves(OmegaConf.to_container(stated)):
        assert OmegaConf.select(OmegaConf.create(with_it), key) == OmegaConf.select(stated, key)


@pytest.mark.parametrize(
    "model",
    [p.stem for p in OPTIONS if p.parent.name == "model" and "gnn" in (TREE / p).read_text()],
)
def test_an_experiment_goes_with_every_graph_network(model: str) -> None:
    for path in OPTIONS:
        if path.parent.name == "experiment":
            words = [f"experiment={path.stem}", f"model={model}"]
            completed(composed("train", *words) | {"_partial_": True})


def test_options_hold_decisions_not_defaults() -> None:
    """A value equal to the constructor's default would drift away from it."""
    for path in OPTIONS:
        for node in targets(yaml.safe_load((TREE / path).read_text())):
            known = describe(node["_target_"]).arguments
            for key, value in node.items():
                if key not in ("_target_", "_partial_") and not isinstance(value, Mapping):
                    assert known[key].default != repr(value), f"{path}: {key}"


def test_self_comes_first_so_that_experiments_win() -> None:
    for verb in PRIMARY:
        defaults = yaml.safe_load((TREE / f"{verb}.yaml").read_text()).get("defaults")
        assert defaults is None or defaults[0] == "_self_"


def test_every_contender_of_a_suite_composes_and_binds() -> None:
    for path in OPTIONS:
        if path.parent.name == "suite":
            config = composed("bench", f"suite={path.stem}")
            contenders = {name: build(node) for name, node in config["contenders"].items()}
            suite = build(config["suite"])
            assert suite.name == path.stem
            asked = [dataclasses.replace(CELL.question, name=name) for name in suite.tasks]
            plan = Plan(
                suite, contenders, CELL.source, asked, list(contenders), ["frozen"], [""], [0]
            )
            for cell in plan.bases():
                space = contenders[cell.contender].space
                for draw in draws(space, 3, cell.contender):
                    words = (*cell.words, *draw)
                    completed(composed("train", *map(lenient, words)) | {"_partial_": True})


def lenient(word: str) -> str:
    """As the command reads a key that only a signature knows."""
    return f"++{word}" if "." in word.partition("=")[0] else word


def test_tasks_load_by_name() -> None:
    assert TASKS
    for path in TASKS:
        assert Task.load(path.stem).name == path.stem
