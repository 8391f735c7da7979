"""The front door keeps its promises."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch_geometric.data import HeteroData

from hgl.cli import VERBS, main
from hgl.tasks.task import Task

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def run(marker: str) -> dict[str, Any]:
    """Execute the one Python block that mentions `marker`; return its names."""
    (code,) = (block for block in blocks("python") if marker in block)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace


def test_every_python_block_is_run_below() -> None:
    assert len(blocks("python")) == 3


def test_the_loader_gives_a_batch() -> None:
    assert run("SeedLoader")["batch"]["planes"].batch_size == 512


def test_the_space_has_the_graph_of_all_rows(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("SpecSpace")
    assert len(names["models"]) > 1
    assert "flowchart" in capsys.readouterr().out
    assert "planes" in names["graph"].node_types


def test_the_layer_learns_in_a_network_of_the_readers_own() -> None:
    data = HeteroData()
    data["author"].x, data["paper"].x = torch.randn(3, 64), torch.randn(5, 64)
    data["author", "writes", "paper"].edge_index = torch.tensor([[0, 1, 2, 2], [0, 1, 1, 4]])
    data["paper", "rev_writes", "author"].edge_index = torch.tensor([[0, 1, 1, 4], [0, 1, 2, 2]])
    torch.manual_seed(0)
    network = run("RHGNNConv")["Network"](data.metadata())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        out = network(data.x_dict, data.edge_index_dict)
        losses.append((out["paper"] - 1).square().mean())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert {t: tuple(x.shape) for t, x in out.items()} == {"author": (3, 64), "paper": (5, 64)}
    assert losses[-1] < losses[0] / 2


def test_commands_compose(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    shown = [shlex.split(line, comments=True) for line in lines if line.startswith("hgl ")]
    assert {words[1] for words in shown} >= set(VERBS) - {"doctor", "evaluate"}
    for words in shown:
        if "--config-dir" not in words:
            assert main([*words[1:], "--cfg"]) == 0, words
            capsys.readouterr()


def test_the_example_task_loads(tmp_path: Path) -> None:
    (example,) = blocks("yaml")
    (tmp_path / "late.yaml").write_text(example)
    assert Task.from_yaml(tmp_path / "late.yaml").name == "late"


def test_the_script_of_ci_finds_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- tests -->" in script
    found = re.findall(r"<!-- tests -->\n```bash\n(.*?)```", README, re.S)
    assert len(found) == 1
    assert "pytest" in found[0]


def test_paths_in_the_readme_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_manifest_of_availability_is_yaml() -> None:
    page = (ROOT / "docs" / "availability.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", page, re.S):
        assert isinstance(yaml.safe_load(block), dict)
