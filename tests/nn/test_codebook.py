"""The codebook against loops over rows and codes; what its state, draws and figures must hold."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hgl.errors import ConfigError
from hgl.nn.codebook import Codebook, CodebookHealth, Metric, check_size

METRICS: list[Metric] = ["euclidean", "cosine"]


def blobs(num: int = 8, rows: int = 50, channels: int = 6, seed: int = 0) -> Tensor:
    """[num * rows, channels]: `num` well separated clouds, of different length and direction."""
    draws = torch.Generator().manual_seed(seed)
    centres = 10 * torch.randn(num, 1, channels, generator=draws)
    rows_ = centres + 0.1 * torch.randn(num, rows, channels, generator=draws)
    order = torch.randperm(num * rows, generator=draws)
    return rows_.reshape(-1, channels)[order]


def trained(z: Tensor, num_codes: int = 16, batches: int = 30, **options: object) -> Codebook:
    book = Codebook(num_codes, z.shape[1], **options)
    for batch in z.repeat(batches, 1).split(len(z) // 2):
        book(batch)
    return book.eval()


def placed(rows: Tensor, metric: Metric) -> np.ndarray:
    x = rows.double().numpy()
    return x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x


@pytest.mark.parametrize("metric", METRICS)
def test_rows_get_their_nearest_code_and_the_stated_loss(metric: Metric):
    z, book = blobs(), trained(blobs(), metric=metric)
    quantised, codes, loss = book(z)
    rows, table = placed(z, metric), book.codes.double().numpy()
    squared = np.array([[((row - code) ** 2).sum() for code in table] for row in rows])
    # Of two codes in one cloud either may be nearest by a rounding error, so compare distances.
    assert np.allclose(squared[np.arange(len(z)), codes], squared.min(1), atol=1e-3)
    assert np.allclose(quantised.numpy(), table[codes], atol=1e-4)
    assert float(loss) == pytest.approx(0.25 * squared.min(1).mean() / z.shape[1], rel=0.02)


@pytest.mark.parametrize("metric", METRICS)
def test_log_assignments_are_the_stated_softmax(metric: Metric):
    z, tau = blobs(seed=1), 2.5
    book = trained(z, metric=metric)
    rows, table = placed(z, metric), book.codes.double().numpy()
    squared = ((rows[:, None] - table) ** 2).sum(2)
    score = -squared / (2 * float(book.spread) * tau)
    expected = score - np.logaddexp.reduce(score, axis=1, keepdims=True)
    found = book.log_assignments(z, tau)
    assert found.shape == (len(z), 16)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-2)


def test_spread_is_the_mean_squared_distance_to_the_nearest_code():
    z = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    book = trained(z, 32, 40)
    nearest = torch.cdist(z, book.codes).square().min(1).values.mean()
    assert float(book.spread) == pytest.approx(float(nearest), rel=0.02)


def test_k_means_starts_on_the_first_batch_and_finds_every_cloud():
    z = blobs(num=4, rows=100)
    book = Codebook(16, 6)
    book(z)
    assert torch.cdist(z, book.codes).min(1).values.max() < 1


def test_codes_are_the_moving_average_of_their_rows():
    book = Codebook(2, 1, decay=0.75, expire_below=0)
    book(torch.tensor([[0.0], [0.0], [10.0]]))
    book(torch.tensor([[1.0], [8.0], [12.0]]))
    low, high = sorted(book.codes[:, 0].tolist())
    # Sums and counts: (0.75 * 0 + 0.25 * 1) / (0.75 * 2 + 0.25 * 1), and so on.
    assert low == pytest.approx(0.25 / 1.75)
    assert high == pytest.approx((0.75 * 10 + 0.25 * 20) / (0.75 * 1 + 0.25 * 2))


def test_dead_codes_come_back_to_life():
    far = blobs(seed=2) + 1000
    still, revived = Codebook(16, 6, expire_below=0), Codebook(16, 6)
    for book in (still, revived):
        book(blobs())
        for _ in range(120):
            book(far)
    assert still.health(far, 1.0).codes_used <= 2
    assert revived.health(far, 1.0).codes_used >= 12


def test_gradients_go_straight_through_and_only_commitment_moves_rows():
    z = blobs().requires_grad_()
    quantised, _, loss = trained(blobs())(z)
    weight = torch.randn_like(quantised)
    (quantised * weight).sum().backward(retain_graph=True)
    assert torch.equal(z.grad, weight)
    z.grad = None
    loss.backward()
    expected = 0.5 * (z - quantised).detach() / z.numel()
    assert torch.allclose(z.grad, expected, atol=1e-6)


def test_assignments_pull_rows_even_if_the_codes_learn_in_between():
    z, book = blobs().requires_grad_(), trained(blobs()).train()
    log_p = book.log_assignments(z, 1.0)
    book(blobs(seed=3))
    log_p[:, 0].sum().backward()
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize("metric", METRICS)
def test_odd_batches(metric: Metric):
    book = Codebook(16, 6, metric=metric)
    for rows in (0, 5, 0, 1, 5, 400, 3, 0):
        quantised, codes, loss = book(blobs()[:rows])
        assert quantised.shape == (rows, 6)
        assert codes.shape == (rows,)
        assert codes.dtype == torch.int64
        assert loss.shape == ()
        assert loss.isfinite()
    assert int(book.batches) == 5
    assert book.codes.isfinite().all()
    assert book.log_assignments(blobs()[:0], 1.0).shape == (0, 16)
    for _ in range(20):
        book(blobs())
    assert book.health(blobs(), 1.0).codes_used >= 8


@given(st.lists(st.integers(0, 400), max_size=6), st.sampled_from(METRICS))
def test_shards_are_assigned_as_the_whole_is(cuts: list[int], metric: Metric):
    z, book = blobs(), trained(blobs(), batches=2, metric=metric)
    ends = [0, *sorted(cuts), len(z)]
    shards = [book.log_assignments(z[a:b], 3.0) for a, b in itertools.pairwise(ends)]
    assert torch.allclose(torch.cat(shards), book.log_assignments(z, 3.0), atol=1e-2)


def test_the_order_of_rows_does_not_matter_once_trained():
    z, book = blobs(), trained(blobs())
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(4))
    assert torch.allclose(book.log_assignments(z, 1.0)[order], book.log_assignments(z[order], 1.0))


def test_evaluation_changes_nothing():
    book = trained(blobs())
    before = copy.deepcopy(book.state_dict())
    book(blobs(seed=5))
    book.choose_tau(blobs())
    book.health(blobs(), 1.0)
    assert all(torch.equal(before[name], now) for name, now in book.state_dict().items())


def test_a_seed_decides_everything_and_nothing_else_does():
    torch.manual_seed(1)
    first = trained(blobs(), seed=3)
    torch.manual_seed(2)
    second, other = trained(blobs(), seed=3), trained(blobs(), seed=4)
    assert torch.equal(first.codes, second.codes)
    assert not torch.equal(first.codes, other.codes)


def test_training_goes_on_from_the_saved_state():
    z = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    whole, half, resumed = (Codebook(16, 6, expire_below=0.9) for _ in range(3))
    for batch in z[:150].split(30):
        half(batch)
    resumed.load_state_dict(half.state_dict())
    for batch in z[150:].split(30):
        resumed(batch)
    for batch in z.split(30):
        whole(batch)
    assert torch.equal(whole.codes, resumed.codes)
    assert torch.equal(whole.spread, resumed.spread)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_chosen_tau_puts_entropy_in_the_middle(metric: Metric, scale: float):
    z = scale * torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))
    book = trained(z, 64, 20, metric=metric)
    health = book.health(z, book.choose_tau(z))
    assert health.target_entropy == pytest.approx(0.45, abs=0.01)
    assert health.warnings() == ()


def test_low_precision_rows_are_quantised_in_float32():
    z = 300 + torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    book = Codebook(8, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        quantised, _, loss = book(z.bfloat16())
        log_p = book.log_assignments(z, 1.0)
    assert quantised.dtype == torch.bfloat16
    assert loss.dtype == log_p.dtype == book.codes.dtype == torch.float32
    assert torch.equal(log_p, book.log_assignments(z, 1.0))


def test_health_by_hand():
    book = Codebook(4, 1).eval()
    book.codes.copy_(torch.tensor([[0.0], [1.0], [2.0], [9.0]]))
    health = book.health(torch.tensor([[0.1], [-1.0], [0.9], [1.1]]), 1e-6)
    assert (health.num_codes, health.codes_used) == (4, 2)
    assert health.perplexity == pytest.approx(2)
    assert health.target_entropy == pytest.approx(0, abs=1e-3)
    flat = book.health(torch.tensor([[0.1]]), 1e6)
    assert flat.target_entropy == pytest.approx(1)


def test_health_names_what_is_amiss():
    assert CodebookHealth(256, 200, 150.0, 0.45).warnings() == ()
    collapsed, flat = CodebookHealth(512, 27, 18.0, 0.5), CodebookHealth(64, 60, 50.0, 0.9998)
    assert [line.split("=")[0] for line in collapsed.warnings()] == ["codes_used", "perplexity"]
    assert [line.split("=")[0] for line in flat.warnings()] == ["target_entropy"]
    assert not any("\n" in line for line in (*collapsed.warnings(), *flat.warnings()))


def test_a_uniform_student_costs_at_most_log_m():
    z, book = blobs(), trained(blobs())
    teacher = book.log_assignments(z, book.choose_tau(z))
    uniform = torch.full_like(teacher, -math.log(16))
    divergence = torch.nn.functional.kl_div(
        uniform, teacher, log_target=True, reduction="batchmean"
    )
    assert 0 < float(divergence) <= math.log(16)


def test_size():
    check_size(100, 2000)
    with pytest.raises(ConfigError, match=r"num_codes=101: expected at most 100"):
        check_size(101, 2000)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_codes": 1}, "num_codes=1"),
        ({"channels": 0}, "channels=0"),
        ({"decay": 1.0}, r"decay=1\.0"),
        ({"commitment": -1.0}, "commitment=-1"),
        ({"expire_below": 2.0}, r"expire_below=2\.0"),
        ({"metric": "manhattan"}, "metric='manhattan'"),
    ],
)
def test_arguments_out_of_range(options: dict[str, object], named: str):
    with pytest.raises(ConfigError, match=named):
        Codebook(**{"num_codes": 4, "channels": 2, **options})


def test_no_rows_and_no_temperature():
    book, none = Codebook(4, 2), torch.zeros(0, 2)
    with pytest.raises(ConfigError, match="0 rows"):
        book.choose_tau(none)
    with pytest.raises(ConfigError, match="0 rows"):
        book.health(none, 1.0)
    with pytest.raises(ConfigError, match="tau=0"):
        book.log_assignments(none, 0)
