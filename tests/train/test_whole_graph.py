"""A graph that is one batch: what it asks, what it computes, and that it can be learnt from."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError, SchemaError
from hgl.models.attributed import AttributedModel
from hgl.models.han import HAN
from hgl.models.hgt import HGT
from hgl.models.latte import LATTE
from hgl.models.latte2go import LATTE2GO
from hgl.models.relgnn import RelGNN
from hgl.models.rgcn import RGCN
from hgl.models.rhgnn import RHGNN
from hgl.models.sage import HeteroGraphSAGE
from hgl.models.simple_hgn import SimpleHGN
from hgl.ops import RelationPlan
from hgl.train.objective import objective_for, seed_everything
from hgl.train.trainer import Trainer
from hgl.train.whole_graph import WholeGraph
from hgl.typing import reverse_of

NETWORKS = {
    "sage": functools.partial(HeteroGraphSAGE),
    "rhgnn": functools.partial(RHGNN, heads=2, relation_channels=2),
    "rhgnn with norm": functools.partial(RHGNN, heads=2, relation_channels=2, norm=True),
    "simplehgn": functools.partial(SimpleHGN, heads=2, relation_channels=2),
    "hgt": functools.partial(HGT, heads=2),
    "han": functools.partial(HAN, heads=2),
    "rgcn": functools.partial(RGCN),
    "latte": functools.partial(LATTE, theta=0.2),
    "latte2go": functools.partial(LATTE2GO, heads=2, theta=0.2),
    "relgnn": functools.partial(RelGNN, heads=2),
}


def chain(papers: int = 240, tags: int = 60, seed: int = 0) -> HeteroData:
    """Papers of two classes; a paper's authors write one class, which only the authors' tags tell.

    Papers' own attributes are noise, authors have none: the signal lies two hops away.
    """
    random = np.random.default_rng(seed)
    classes, authors = random.integers(0, 2, papers), papers // 2
    of_author = random.integers(0, 2, authors)
    wrote = [random.choice(np.flatnonzero(of_author == c), 2) for c in classes]
    tag_class = np.arange(tags) % 2
    worn = [random.choice(np.flatnonzero(tag_class == c), 3) for c in of_author]
    data = HeteroData()
    data["author"].num_nodes = authors
    data["paper"].x = torch.from_numpy(random.normal(size=(papers, 4))).float()
    data["tag"].x = torch.from_numpy(tag_class[:, None] + random.normal(0, 0.3, (tags, 1))).float()
    for edge_type, ends in {
        ("author", "wrote", "paper"): [np.concatenate(wrote), np.repeat(np.arange(papers), 2)],
        ("tag", "worn_by", "author"): [np.concatenate(worn), np.repeat(np.arange(authors), 3)],
    }.items():
        data[edge_type].edge_index = torch.from_numpy(np.stack(ends))
        data[reverse_of(edge_type)].edge_index = data[edge_type].edge_index.flip(0)
    data["paper"].y = torch.from_numpy(classes)
    split = torch.arange(papers) % 4
    for number, name in enumerate(("train", "train", "val", "test")):
        mask = data["paper"].get(f"{name}_mask", torch.zeros(papers, dtype=torch.bool))
        data["paper"][f"{name}_mask"] = mask | (split == number)
    return data


def model_of(data: HeteroData, gnn: functools.partial, **options: float) -> AttributedModel:
    return AttributedModel(
        metadata=data.metadata(),
        num_nodes=data.num_nodes_dict,
        in_channels={t: data[t].num_node_features for t in ("paper", "tag")},
        target="paper",
        out_channels=2,
        gnn=gnn,
        **{"channels": 16, **options},
    )


@pytest.mark.parametrize("name", ["sage", "rhgnn", "rhgnn with norm", "latte"])
def test_a_signal_two_hops_away_is_learnt(name: str, tmp_path: Path):
    data = chain()
    seed_everything(0)
    model = model_of(data, NETWORKS[name])
    graph = WholeGraph(data, "paper", num_hops=model.gnn.num_hops)
    train, val, test = (graph.loader(split) for split in ("train", "val", "test"))
    objective = objective_for("multiclass", train.seeds.target)
    trainer = Trainer(lr=0.01, max_epochs=40, device="cpu")
    before = trainer.predict(model, objective, test).argmax(1) == test.seeds.target
    progress = trainer.fit(model, objective, train, val, metric="macro_f1", folder=tmp_path)
    after = trainer.predict(model, objective, test).argmax(1) == test.seeds.target
    assert before.mean() < 0.7
    assert after.mean() > 0.9
    assert progress.history[progress.best_epoch]["val_macro_f1"] == progress.best


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_leaving_out_what_no_layer_asks_for_changes_nothing(
    network: functools.partial, num_layers: int
):
    torch.manual_seed(num_layers)
    data = chain(papers=24, tags=6)
    net = network(data.metadata(), channels=8, num_layers=num_layers).double()
    x_dict = {t: torch.randn(n, 8).double() for t, n in data.num_nodes_dict.items()}
    expected = net(x_dict, data.edge_index_dict)["paper"]
    plans = WholeGraph(data, "paper", num_hops=net.num_hops).plans
    x_dict = {t: x_dict[t] for t in net.node_types}
    out = net.forward_plans(x_dict, plans)["paper"]
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


def test_the_last_layers_leave_out_the_types_nobody_asks_for():
    data = chain(papers=24, tags=6)
    plans = WholeGraph(data, "paper", num_hops=3).plans
    asked = [{t for t, n in plan.num_dst.items() if n} for plan in plans]
    assert asked == [{"author", "paper", "tag"}, {"author", "paper"}, {"paper"}]
    assert plans[-1].src.numel() == data["author", "wrote", "paper"].num_edges
    assert all(a.num_dst == b.num_src for a, b in itertools.pairwise(plans))


def test_a_batch_asks_about_the_nodes_of_the_mask_and_leaves_the_graph_alone():
    data = chain(papers=8)
    graph = WholeGraph(data, "paper", num_hops=2)
    keys = set(data["paper"].keys())
    loader = graph.loader("train")
    loader.set_epoch(3)
    (batch,) = loader
    assert len(loader) == 1
    store = batch["paper"]
    assert store.asked.tolist() == loader.seeds.entity.tolist() == [0, 1, 4, 5]
    assert (
        store.y.tolist() == loader.seeds.target.tolist() == data["paper"].y[[0, 1, 4, 5]].tolist()
    )
    assert store.input_id.tolist() == [0, 1, 2, 3]
    assert batch.plans is graph.loader("test").batch.plans
    assert set(data["paper"].keys()) == keys
    assert "plans" not in data


class Echo(nn.Module):
    """Says of each node how many authors it has."""

    def forward(self, batch: HeteroData) -> torch.Tensor:
        plan: RelationPlan = batch.plans[-1]
        (block,) = plan.blocks
        degree = block.segments.ptr.diff()[batch["paper"].asked].float()
        return torch.stack([torch.zeros_like(degree), degree], 1)


def test_predictions_stand_in_the_order_of_the_nodes():
    data = chain(papers=8)
    wrote = data["author", "wrote", "paper"]
    wrote.edge_index = wrote.edge_index[:, wrote.edge_index[1] != 5]
    loader = WholeGraph(data, "paper", num_hops=1).loader("train")
    objective = objective_for("multiclass", loader.seeds.target)
    out = Trainer(device="cpu").predict(Echo(), objective, loader)
    np.testing.assert_allclose(out[:, 0], 1 / (1 + np.exp([2, 2, 2, 0])), rtol=1e-6)


def test_an_induced_graph_trains_what_the_whole_graph_then_asks(tmp_path: Path):
    """Inductive: unlabelled papers and their links are absent while training."""
    data = chain()
    seen = data.subgraph({"paper": data["paper"].train_mask})
    whole = WholeGraph(data, "paper", num_hops=2)
    train = WholeGraph(seen, "paper", num_hops=2).loader("train")
    assert len(train.seeds.target) == train.batch["paper"].num_nodes == 120
    objective = objective_for("multiclass", train.seeds.target)
    seed_everything(0)
    model, trainer = model_of(data, NETWORKS["sage"]), Trainer(lr=0.01, max_epochs=40, device="cpu")
    trainer.fit(model, objective, train, whole.loader("val"), metric="macro_f1", folder=tmp_path)
    test = whole.loader("test")
    correct = trainer.predict(model, objective, test).argmax(1) == test.seeds.target
    assert correct.mean() > 0.95


def test_what_cannot_be_asked_is_refused():
    data = chain(papers=8)
    with pytest.raises(SchemaError, match="node_type='tag': expected a node type with labels y"):
        WholeGraph(data, "tag", num_hops=2)
    with pytest.raises(SchemaError, match="node_type='film'"):
        WholeGraph(data, "film", num_hops=2)
    spoilt = chain()
    spoilt["tag"].x[0, 0] = torch.nan
    with pytest.raises(SchemaError, match=r"^data\['tag'\].x: 1 of \d+ numbers are NaN"):
        WholeGraph(spoilt, "paper", num_hops=2)
    with pytest.raises(ConfigError, match="num_hops=0"):
        WholeGraph(data, "paper", num_hops=0)
    with pytest.raises(SchemaError, match="split='night': expected nodes of 'paper' in night_mask"):
        WholeGraph(data, "paper", num_hops=2).loader("night")
    data["paper"].val_mask[:] = False
    with pytest.raises(SchemaError, match="split='val'"):
        WholeGraph(data, "paper", num_hops=2).loader("val")
