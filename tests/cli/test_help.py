"""What the command says of itself, and configurations of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hgl.cli import VERBS, main
from hgl.commands.describe import describe
from tests.test_conf import OPTIONS, composed, verb_of

CHOICES = [
    *([verb] for verb in VERBS),
    *([verb_of(path), f"{path.parent}={path.stem}"] for path in OPTIONS),
]
"""Every verb, and every option with a verb that knows it."""


def documented(verb: str, *overrides: str) -> Iterator[tuple[str, str]]:
    """Every key of a verb with these options, with what its docstring says."""

    def below(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, argument in describe(node["_target_"]).arguments.items():
            if name == "learner":  # comes with the model, and its keys are the command's
                yield f"{path}{name}", argument.text
            elif isinstance(node.get(name), Mapping) and "_target_" in node[name]:
                yield from below(f"{path}{name}.", node[name])
            elif (
                name in node or argument.default not in (None, "None") or "|" in argument.annotation
            ):
                yield f"{path}{name}", argument.text

    yield from below("", composed(verb, *overrides))


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_help_documents_every_key(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    verb = words[0]
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    for key, text in documented(*words):
        if key.endswith(("watcher", "screen")):  # given by code, never by a user
            assert key not in shown
            continue
        told = f"\n  {key}=" in shown or f"\n{key}=" in shown
        assert told, f"{key} is not in the help of {verb}"
        assert text, f"{key} has no description"
    assert "hgl " + verb in shown.split("keys")[0].split("\n\n", 1)[1], "no example"


def test_help_names_verbs_groups_and_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    overview = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == overview
    for verb in VERBS:
        assert f"hgl {verb} " in overview
    manuals = {}
    for verb in {verb_of(path) for path in OPTIONS}:
        assert main([verb, "--help"]) == 0
        manuals[verb] = capsys.readouterr().out
    for path in OPTIONS:
        lines = manuals[verb_of(path)].splitlines()
        (line,) = [x for x in lines if x.startswith(f"{path.parent}=")]
        assert path.stem in line
    for manual in manuals.values():
        for flag in ("--cfg", "--config-dir", "--multirun", "--KEY", "debug=true"):
            assert flag in manual
        assert all(line == line.rstrip() for line in manual.splitlines())


def test_a_flag_stands_for_a_key_that_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--strict", "seeds=3", "--thorough", "--cfg"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert (config["strict"], config["thorough"], config["trust"]) == (True, True, False)
    assert config["seeds"] == 3


def test_own_configurations_come_in(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_tree = tmp_path / "it's, [mine]"
    own = {
        "model/tiny.yaml": {"defaults": ["sage"], "channels": 4},
        "experiment/mine.yaml": {"task": "from-mine", "sampling": {"batch_size": 7}},
    }
    for name, content in own.items():
        (own_tree / name).parent.mkdir(parents=True)
        header = "# @package _global_\n" if name.startswith("experiment") else ""
        (own_tree / name).write_text(header + yaml.safe_dump(content))
    words = ["train", "--config-dir", str(own_tree), "model=tiny", "experiment=mine"]
    assert main([*words, "trainer.lr=0.5", "--cfg"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["channels"] == 4
    assert config["sampling"]["batch_size"] == 7
    assert config["task"] == "from-mine"
    assert config["trainer"]["lr"] == 0.5
    models = sorted(["tiny", *(p.stem for p in OPTIONS if p.parent.name == "model")])
    assert main([*words, "--help"]) == 0
    assert f"model={'|'.join(models)}" in capsys.readouterr().out
