"""From attributes to outputs: who gets which input, and what comes out."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from hgl.errors import ConfigError, SchemaError
from hgl.models.attributed import AttributedModel
from hgl.models.rhgnn import RHGNN
from hgl.ops import RelationPlan

METADATA = (["tag", "film"], [("film", "has", "tag"), ("tag", "rev_has", "film")])


class Same(nn.Module):
    """A graph network that leaves nodes as they are."""

    def __init__(self, metadata: object, *, channels: int) -> None:
        super().__init__()

    def forward_plans(self, x_dict: dict[str, Tensor], plans: object) -> dict[str, Tensor]:
        return x_dict


def batch() -> HeteroData:
    data = HeteroData()
    data["film"].x = torch.randn(4, 3)
    data["film"].asked = torch.tensor([2, 0])
    data["tag"].x = torch.randn(5, 7)
    data.plans = []
    return data


def model(**options: object) -> AttributedModel:
    stated = {
        "metadata": METADATA,
        "num_nodes": {"film": 4, "tag": 5},
        "in_channels": {"film": 3},
        "target": "film",
        "out_channels": 2,
        "gnn": Same,
        "channels": 6,
    }
    return AttributedModel(**{**stated, **options})  # type: ignore[arg-type]


def test_outputs_are_those_of_the_nodes_asked_about():
    built, data = model(), batch()
    expected = built.head(built.inputs["film"](data["film"].x[[2, 0]]))
    torch.testing.assert_close(built(data), expected)


def test_a_type_whose_attributes_are_left_out_learns_a_vector_per_node():
    built, data = model(target="tag"), batch()
    data["tag"].asked = torch.tensor([1])
    torch.testing.assert_close(built(data), built.head(built.inputs["tag"].weight[1:2]))
    assert built.inputs["tag"].weight.shape == (5, 6)


def test_unit_outputs_have_length_one():
    assert torch.allclose(model(unit_outputs=True)(batch()).norm(dim=1), torch.ones(2))


def test_dropout_is_for_training():
    built, data = model(dropout=0.5), batch()
    assert not torch.equal(built(data), built(data))
    built.eval()
    assert torch.equal(built(data), built(data))


def test_gradients_reach_the_inputs_and_the_head():
    built, data = model(gnn=functools.partial(RHGNN, heads=2, num_layers=2)), batch()
    ends = torch.tensor([[0, 1, 2, 2], [0, 3, 4, 1]])
    edges = {METADATA[1][0]: ends, METADATA[1][1]: ends.flip(0)}
    plan = RelationPlan.from_edges(edges, {"film": 4, "tag": 5}, METADATA[1])
    data.plans = [plan, plan]
    built(data).square().sum().backward()
    silent = [name for name, p in built.named_parameters() if p.grad is None]
    assert all(name.startswith("gnn.") for name in silent)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "actor"}, SchemaError, "target: 'actor' is not among"),
        ({"in_channels": {"actor": 3}}, SchemaError, "in_channels: 'actor' is not among"),
        ({"channels": 0}, ConfigError, "channels=0"),
        ({"dropout": 1.5}, ConfigError, "dropout=1.5"),
    ],
)
def test_bad_arguments_are_named(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        model(**options)
