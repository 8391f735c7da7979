from __future__ import annotations

import torch

from hgl.graph.draws import below, random_keys, stream, unit


def test_numbers_of_the_published_generator() -> None:
    # The first outputs of Vigna's splitmix64.c for the seed 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = stream(torch.tensor([1234567]), 3)[0]
    assert [int(x) % 2**64 for x in found] == expected


def test_keys_differ_by_seed_epoch_position_and_purpose() -> None:
    positions = torch.arange(50)
    keys = [
        random_keys(seed, epoch, positions, purpose)
        for seed in range(3)
        for epoch in range(3)
        for purpose in range(3)
    ]
    assert torch.cat(keys).unique().numel() == 27 * 50
    shuffled = positions.flip(0)
    assert torch.equal(random_keys(1, 1, shuffled), random_keys(1, 1, positions).flip(0))


def test_ranges() -> None:
    keys = random_keys(0, 0, torch.arange(20_000))
    numbers = unit(keys)
    assert float(numbers.min()) >= 0
    assert float(numbers.max()) < 1
    assert abs(float(numbers.mean()) - 0.5) < 0.01
    dice = below(keys, torch.tensor(6))
    assert dice.unique().tolist() == [0, 1, 2, 3, 4, 5]
