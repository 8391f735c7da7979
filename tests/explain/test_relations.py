"""R-HGNN's relation weights: numbers by hand, and a planted relation on top."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from hgl.explain import relation_weights
from hgl.models.rhgnn import RHGNN
from hgl.typing import reverse_of

CITES, HOLDS, WRITES = (
    ("paper", "cites", "paper"),
    ("venue", "holds", "paper"),
    ("author", "writes", "paper"),
)
EDGE_TYPES = [kind for forth in (WRITES, CITES, HOLDS) for kind in (forth, reverse_of(forth))]


def test_weights_by_hand():
    weights = {
        "author": torch.ones(1, 2, 1),
        "paper": torch.tensor([[[0.2, 0.6]], [[0.8, 0.4]]]),
    }
    found = relation_weights(weights, [WRITES, reverse_of(WRITES), CITES])
    assert found["relation"].tolist() == [
        *["paper -rev_writes-> author"] * 2,
        "author -writes-> paper",
        "paper -cites-> paper",
    ]
    assert found["weight"].tolist() == pytest.approx([1, 1, 0.4, 0.6])
    assert found["node"].tolist() == [0, 1, 0, 0]


def test_the_planted_relation_comes_out_on_top():
    """A paper's class is its author's; whom it cites and where it appears are noise."""
    torch.manual_seed(0)
    authors, papers = 60, 240
    label, author = torch.randint(3, (authors,)), torch.randint(authors, (papers,))
    x_dict = {
        "author": torch.nn.functional.one_hot(label, 3) + 0.3 * torch.randn(authors, 3),
        "paper": torch.randn(papers, 3),
        "venue": torch.randn(10, 3),
    }
    paper = torch.arange(papers)
    edges = {
        WRITES: torch.stack([author, paper]),
        CITES: torch.randint(papers, (2, 500)),
        HOLDS: torch.stack([torch.randint(10, (papers,)), paper]),
    }
    edges |= {reverse_of(kind): ends.flip(0) for kind, ends in edges.items()}
    net = RHGNN(
        (sorted(x_dict), EDGE_TYPES),
        channels=16,
        heads=4,
        num_layers=1,
        in_channels=dict.fromkeys(x_dict, 3),
    )
    head = torch.nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        cross_entropy(head(net(x_dict, edges)["paper"]), label[author]).backward()
        optimizer.step()
    found = relation_weights(net.relation_weights(x_dict, edges), net.edge_types)
    summed = found.groupby(["node_type", "node"])["weight"].sum()
    assert summed.to_numpy() == pytest.approx(1)
    of_paper = found[found["node_type"] == "paper"].groupby("relation")["weight"].mean()
    assert of_paper.idxmax() == "author -writes-> paper"
