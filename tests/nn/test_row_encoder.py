"""Column encoders: shapes, missing values, gradients, and the bins by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hgl.nn.relative_time import LONGEST, RelativeTime, log_hats
from hgl.nn.row_encoder import CLIP, NumericalExpansion, RowEncoder, TableEncoder
from hgl.typing import TIMESTAMP_PARTS, TableLayout

LAYOUT = TableLayout(
    numerical=("u", "v"),
    knots=((-1.0, 0.0, 2.0), (0.5,)),
    categorical=("c", "d"),
    cardinalities=(4, 3),
    timestamp=("t",),
    text=("s",),
    text_channels=5,
)


def columns(rows: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(rows)
    return {
        "numerical": torch.randn(rows, 2),
        "categorical": torch.randint(3, (rows, 2), dtype=torch.int32),
        "timestamp": torch.randn(rows, 1, TIMESTAMP_PARTS),
        "text": torch.randn(rows, 1, 5),
    }


def test_numerical_expansion_by_hand():
    expansion = NumericalExpansion(((-1.0, 0.0, 2.0), (0.5,)))
    out = expansion(torch.tensor([[1.0, float("nan")], [-5.0, 0.0]]))
    clipped = 1 / math.sqrt(1 + (1 / CLIP) ** 2), -5 / math.sqrt(1 + (5 / CLIP) ** 2)
    # Value per column, missing flag per column, then two bins per column (none for one knot).
    expected = torch.tensor(
        [[clipped[0], 0, 0, 1, 1, 0.5, 0, 0], [clipped[1], 0, 0, 0, 0, 0, 0, 0]]
    )
    torch.testing.assert_close(out, expected)
    assert expansion.out_channels == 8


def test_a_column_unknown_in_training_has_no_bins_and_no_effect_on_the_others():
    expansion = NumericalExpansion(((), (0.0, 1.0)))
    out = expansion(torch.tensor([[3.0, 0.25]]))
    assert out.shape == (1, expansion.out_channels)
    torch.testing.assert_close(out[0, 4:], torch.tensor([0.0, 0.25]))


def test_a_table_that_training_never_saw_has_no_bins_at_all():
    expansion = NumericalExpansion(((), ()))
    out = expansion(torch.tensor([[0.0, float("nan")]]))
    torch.testing.assert_close(out, torch.tensor([[0.0, 0.0, 0.0, 1.0]]))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_table_encoder_takes_any_number_of_rows(rows: int):
    encoder = TableEncoder(LAYOUT, channels=16)
    assert encoder(columns(rows), rows).shape == (rows, 16)


def test_a_table_without_features_gets_a_learned_constant():
    encoder = TableEncoder(TableLayout(), channels=8)
    out = encoder({}, 3)
    assert torch.equal(out[0], out[2])
    out.sum().backward()
    assert encoder.linear.weight.grad is not None


def test_every_parameter_gets_a_gradient_and_missing_values_stay_finite():
    encoder = TableEncoder(LAYOUT, channels=16)
    data = columns(6)
    data["numerical"][0] = float("nan")
    data["timestamp"][1] = float("nan")
    out = encoder(data, 6)
    assert out.isfinite().all()
    out.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_row_is_encoded_without_regard_to_the_others():
    encoder = RowEncoder({"t": LAYOUT}, channels=16, dropout=0.5).eval()
    data = columns(6)
    alone = {"t": {name: block[2:3] for name, block in data.items()}}
    together = encoder({"t": data}, {"t": 6})["t"][2:3]
    torch.testing.assert_close(encoder(alone, {"t": 1})["t"], together)


def test_missing_differs_from_the_median():
    encoder = TableEncoder(LAYOUT, channels=16).eval()
    data = columns(2)
    data = {name: block[:1].expand(2, *block.shape[1:]).clone() for name, block in data.items()}
    data["numerical"][0, 0], data["numerical"][1, 0] = 0.0, float("nan")
    out = encoder(data, 2)
    assert not torch.allclose(out[0], out[1])


def test_log_hats_sum_to_one_and_order_time():
    seconds = torch.tensor([0, 3600, 86400, 365 * 86400, int(LONGEST), 10 * int(LONGEST), -5])
    hats = log_hats(seconds, 16)
    torch.testing.assert_close(hats.sum(1), torch.ones(7))
    centre = (hats * torch.arange(16)).sum(1)
    assert (centre[:5].diff() > 0).all()
    assert centre[5] == centre[4]
    assert centre[6] == centre[0]


def test_relative_time_has_a_curve_per_type():
    time = RelativeTime(["b", "a"], channels=4)
    seconds = torch.tensor([100, 100_000])
    assert not torch.equal(time("a", seconds), time("b", seconds))
    with pytest.raises(KeyError):
        time("static", seconds)


def test_recomputing_changes_neither_values_nor_gradients():
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        encoder = RowEncoder(
            {"a": LAYOUT, "b": TableLayout()}, channels=8, dropout=0.5, recompute=recompute
        )
        out = encoder({"a": columns(7), "b": {}}, {"a": 7, "b": 3})
        (out["a"].square().sum() + out["b"].square().sum()).backward()
        found.append([*out.values(), *(p.grad for p in encoder.parameters())])
    for kept, again in zip(*found, strict=True):
        torch.testing.assert_close(kept, again, rtol=0, atol=0)
