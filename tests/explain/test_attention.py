"""LATTE's choices as tables and pictures: numbers by hand, and a planted relation on top."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from matplotlib.image import imread
from torch.nn.functional import cross_entropy

from hgl.explain import (
    SELF,
    edge_attention,
    meta_relation_weights,
    node_choices,
    path_name,
    sankey_nodes,
    save_sankey_html,
    save_sankey_png,
)
from hgl.models.latte import LATTE
from hgl.models.meta_network import LayerAttention, PathAttention

WRITES, CITES = ("author", "writes", "paper"), ("paper", "cites", "paper")
AUTHORED = "author -writes-> paper"
CITED = "paper -cites-> paper"


@pytest.fixture
def layers() -> list[LayerAttention]:
    """One layer over two papers: the first leans on its author, the second on itself."""
    alpha = {
        (WRITES,): PathAttention(torch.tensor([[2, 0], [0, 1]]), torch.ones(2, 2)),
        (CITES,): PathAttention(
            torch.tensor([[1, 0], [0, 0]]), torch.tensor([[0.2, 0.4], [0.8, 0.6]])
        ),
    }
    columns = {"author": [], "paper": [(WRITES,), (CITES,)]}
    beta = {"author": torch.ones(3, 1), "paper": torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.0, 0.9]])}
    return [LayerAttention(columns, beta, alpha)]


def test_weights_by_hand(layers: list[LayerAttention]):
    found = meta_relation_weights(layers).set_index(["receiver", "meta_relation"])
    assert len(found) == 4
    paper = found.loc["paper"]
    assert paper.loc[AUTHORED, "mean"] == pytest.approx(0.4)
    assert paper.loc[AUTHORED, "std"] == pytest.approx(0.3)
    assert paper.loc[CITED, "median"] == pytest.approx(0.1)
    assert paper.loc[SELF, "mean"] == pytest.approx(0.5)
    assert paper["sender"].tolist() == ["author", "paper", "paper"]
    assert paper["order"].tolist() == [1, 1, 0]
    assert paper["edges"].tolist() == [2, 2, 2]
    assert found.loc["author"]["nodes"].tolist() == [3]


def test_choices_and_edges_by_hand(layers: list[LayerAttention]):
    chosen = node_choices(layers).set_index(["receiver", "node", "meta_relation"])["weight"]
    assert chosen["paper", 1, SELF] == pytest.approx(0.9)
    assert chosen["author", 2, SELF] == 1
    assert len(chosen) == 9
    edges = edge_attention(layers)
    cited = edges[edges["meta_relation"] == CITED]
    assert cited["sender"].tolist() == [1, 0]
    assert cited["receiver"].tolist() == [0, 0]
    assert cited["weight"].tolist() == pytest.approx([0.3, 0.7])


def test_a_longer_path_reads_in_the_direction_of_its_messages():
    assert path_name((WRITES, CITES)) == "author -writes-> paper -cites-> paper"


def test_bars_balance(layers: list[LayerAttention]):
    nodes = sankey_nodes(meta_relation_weights(layers))
    height = nodes.set_index(["side", "node_type"])["height"]
    assert height["receiver", "paper"] == pytest.approx(1)
    assert height["sender", "author"] == pytest.approx(1.4)
    assert height["sender"].sum() == pytest.approx(height["receiver"].sum())
    assert nodes.set_index(["side", "node_type"])["nodes"]["sender", "author"] == 3


def test_pictures_are_written(layers: list[LayerAttention], tmp_path: Path):
    weights = meta_relation_weights(layers * 2)
    save_sankey_html(weights, tmp_path / "choices.html")
    page = (tmp_path / "choices.html").read_text()
    assert AUTHORED.replace(">", "\\u003e") in page
    assert "cdn.plot.ly/plotly" not in page
    save_sankey_png(weights, tmp_path / "choices.png")
    assert imread(tmp_path / "choices.png").std() > 0
    assert not list(tmp_path.glob("*.part"))


@pytest.fixture(scope="module")
def learnt() -> pd.DataFrame:
    """Weights of a LATTE that was shown papers whose class is their authors', and noise besides."""
    torch.manual_seed(0)
    authors, papers = 60, 240
    label = torch.randint(3, (authors,))
    x_dict = {
        "author": torch.nn.functional.one_hot(label, 3) + 0.3 * torch.randn(authors, 3),
        "paper": torch.randn(papers, 3),
        "venue": torch.randn(10, 3),
    }
    author, venue = torch.randint(authors, (papers,)), torch.randint(10, (papers,))
    paper = torch.arange(papers)
    edges = {
        WRITES: torch.stack([author, paper]),
        CITES: torch.randint(papers, (2, 500)),
        ("venue", "holds", "paper"): torch.stack([venue, paper]),
    }
    metadata = (sorted(x_dict), sorted(edges))
    net = LATTE(metadata, channels=16, num_layers=1, in_channels=dict.fromkeys(x_dict, 3))
    head = torch.nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(head(net(x_dict, edges)["paper"]), label[author]).backward()
        optimizer.step()
    return meta_relation_weights(net.attention(x_dict, edges))


def test_the_planted_relation_comes_out_on_top(learnt: pd.DataFrame):
    paper = learnt[learnt["receiver"] == "paper"].set_index("meta_relation")["mean"]
    assert paper.idxmax() == AUTHORED
    assert paper[AUTHORED] > 0.6
    assert paper.sum() == pytest.approx(1)
