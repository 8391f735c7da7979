"""The student: raw columns in, whatever is in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hgl.errors import ConfigError
from hgl.models.table_mlp import TableMLP


def student(numbers: int = 3, cardinalities: tuple[int, ...] = (4, 6), **sizes: int) -> TableMLP:
    torch.manual_seed(0)
    network = TableMLP(numbers=numbers, cardinalities=cardinalities, out_channels=2, **sizes)
    return network.eval()


def rows(n: int = 50, numbers: int = 3) -> torch.Tensor:
    return torch.randn(n, numbers, generator=torch.Generator().manual_seed(1)) * 5


CODES = torch.tensor([[0, 5], [3, 1]])


@pytest.mark.parametrize(
    ("numbers", "cardinalities", "extra"), [(3, (4, 6), 0), (2, (), 0), (0, (3,), 4)]
)
@pytest.mark.parametrize("batch", [0, 5])
def test_any_kind_of_column_may_be_absent(
    numbers: int, cardinalities: tuple[int, ...], extra: int, batch: int
) -> None:
    network = student(numbers, cardinalities, extra=extra, code_channels=7)
    more = torch.zeros(batch, extra) if extra else None
    codes = torch.zeros(batch, len(cardinalities), dtype=torch.int64)
    hidden = network.hidden(rows(batch, numbers), codes, more)
    assert network(rows(batch, numbers), codes, more).shape == (batch, 2)
    assert network.code(hidden).shape == (batch, 7)


def test_a_gradient_reaches_every_parameter() -> None:
    network = student(code_channels=3).train()
    codes = torch.tensor([[i % 4, i % 6] for i in range(50)])
    hidden = network.hidden(rows(), codes)
    (network.head(hidden).square().sum() + network.code(hidden).square().sum()).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


@pytest.mark.parametrize("gap", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_missing(gap: float) -> None:
    network = student()
    training = rows().double().numpy()
    training[0, 1] = 1e39 if gap > 0 else gap  # more than float32 holds: as good as infinite
    network.fit_columns(training, np.zeros(3, bool))
    given, missing = rows(2), rows(2)
    given[:, 1], missing[:, 1] = gap, float("nan")
    assert torch.equal(network(given, CODES), network(missing, CODES))
    known = missing.clone()
    known[:, 1] = float(np.median(training[1:, 1]))
    assert not torch.equal(network(known, CODES), network(missing, CODES)), "the flag is up"


def test_a_gap_that_training_never_saw_reads_as_the_median() -> None:
    network = student()
    training = rows(51).double().numpy()
    network.fit_columns(training, np.zeros(3, bool))
    known, missing = rows(2), rows(2)
    missing[:, 1], known[:, 1] = float("nan"), float(np.median(training[:, 1]))
    torch.testing.assert_close(network(missing, CODES), network(known, CODES))


@pytest.mark.parametrize("code", [-1, -(2**40), 6, 2**40])
def test_codes_out_of_range_are_unknown(code: int) -> None:
    network = student()
    given, unknown = torch.tensor([[0, code]]), torch.tensor([[0, 1]])
    assert torch.equal(network(rows(1), given), network(rows(1), unknown))


def test_columns_do_not_share_codes() -> None:
    network = student(0, (4, 4))
    none = torch.zeros(1, 0)
    found = [network(none, torch.tensor([[a, b]])) for a in (0, 2, 3) for b in (0, 2, 3)]
    assert len({tuple(f[0].tolist()) for f in found}) == 9


def standardised(values: np.ndarray, long_tailed: bool) -> np.ndarray:
    """As a person would write it: one column, one value at a time."""
    logs = [np.sign(v) * np.log1p(abs(v)) if long_tailed else v for v in values]
    low, centre, high = np.percentile([v for v in logs if np.isfinite(v)], [25, 50, 75])
    scaled = [(v - centre) / (high - low) for v in logs]
    return np.array([0.0 if not np.isfinite(v) else min(max(v, -10), 10) for v in scaled])


def test_numbers_are_standardised_by_median_and_quartiles() -> None:
    values = np.array([[-3e7, 5.0], [1.0, np.nan], [2e7, 7.0], [1e7, 1e6], [4.0, 6.0], [9.0, 5.5]])
    network = student(2, ())
    network.fit_columns(values, np.array([True, False]))
    found, flags = network.numbers(torch.tensor(values, dtype=torch.float32))
    for i, long_tailed in enumerate((True, False)):
        expected = standardised(values[:, i], long_tailed)
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-5, atol=1e-5)
    assert flags[:, 1].tolist() == [0, 1, 0, 0, 0, 0]
    assert not flags[:, 0].any()


@pytest.mark.parametrize(
    "values",
    [[0.1] * 9, [np.nan] * 9, [0.0] * 8 + [1.0], [1e9] * 8 + [1e9 + 1e-3], [np.inf] * 9],
    ids=["constant", "all missing", "mostly one", "rounding", "infinite"],
)
def test_columns_without_spread_stay_finite(values: list[float]) -> None:
    column = np.array(values)[:, None]
    network = student(1, ())
    network.fit_columns(column, np.array([False]))
    found, _ = network.numbers(torch.tensor(column, dtype=torch.float32))
    assert found.isfinite().all()
    assert found.abs().max() <= 10


def test_statistics_travel_with_the_weights() -> None:
    network, other = student(), student()
    network.fit_columns(rows().numpy() * 100, np.array([True, False, False]))
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(rows(2), CODES), other(rows(2), CODES))


def test_it_learns_a_rule_of_a_number_and_a_text() -> None:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    numbers = np.exp(generator.normal(size=(2000, 2)) * 3)  # long tails
    texts = generator.integers(0, 5, (2000, 1))
    answer = torch.tensor((numbers[:, 0] > 1) ^ (texts[:, 0] == 3), dtype=torch.float32)
    network = TableMLP(numbers=2, cardinalities=(5,), out_channels=1, channels=32)
    network.fit_columns(numbers, np.array([True, True]))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    inputs = torch.tensor(numbers, dtype=torch.float32), torch.tensor(texts)
    for _ in range(60):
        optimiser.zero_grad()
        out = network(*inputs)[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(out, answer).backward()
        optimiser.step()
    right = (network.eval()(*inputs)[:, 0] > 0) == answer.bool()
    assert right.float().mean() > 0.97


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"numbers": -1}, "numbers=-1"),
        ({"cardinalities": (1,)}, "cardinalities=1"),
        ({"out_channels": 0}, "out_channels=0"),
        ({"num_layers": 0}, "num_layers=0"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"numbers": 0, "cardinalities": ()}, "at least one column"),
    ],
)
def test_sizes_that_make_no_network(sizes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TableMLP(**{"numbers": 3, "cardinalities": (4,), "out_channels": 1, **sizes})


def test_arguments_of_another_shape() -> None:
    with pytest.raises(ConfigError, match=r"expected \[n, 3\] and \[3\]"):
        student().fit_columns(np.zeros((5, 2)), np.zeros(3, bool))
    with pytest.raises(ConfigError, match="code_channels=0"):
        student().code(torch.zeros(1, 128))
    with pytest.raises(ConfigError, match="none; expected 2"):
        student(extra=2)(rows(2), CODES)
    with pytest.raises(ConfigError, match="4; expected 0"):
        student()(rows(2), CODES, torch.zeros(2, 4))
