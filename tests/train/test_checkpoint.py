"""Checkpoints: whole or absent, exact, and refused when they belong elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from hgl.errors import CacheError
from hgl.train.average import weight_average
from hgl.train.checkpoint import load_state, load_tensors, restore_model, save_state, save_tensors


def fitted(seed: int = 0) -> tuple[nn.Module, AveragedModel, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    average = weight_average(model, 0.9)
    for _ in range(3):
        step(model, average, optimizer)
    return model, average, optimizer


def step(model: nn.Module, average: AveragedModel, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    average.update_parameters(model)


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path: Path):
    kept = fitted()
    save_state(tmp_path / "s.safetensors", *kept, {"epoch": 3})
    for _ in range(2):
        step(*kept)
    other = fitted(seed=9)
    assert load_state(tmp_path / "s.safetensors", *other) == {"epoch": 3}
    for _ in range(2):
        step(*other)
    for module, same in zip(kept[:2], other[:2], strict=True):
        for a, b in zip(module.parameters(), same.parameters(), strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(next(kept[0].parameters()), next(kept[1].parameters()))


def test_a_half_written_file_is_an_error_not_a_model(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    save_tensors(path, {"a": torch.ones(1000)}, {})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CacheError, match=r"w\.safetensors"):
        load_tensors(path)
    with pytest.raises(CacheError):
        load_tensors(tmp_path / "absent.safetensors")


def test_nothing_is_left_beside_the_file(tmp_path: Path):
    save_tensors(tmp_path / "w.safetensors", {"a": torch.ones(2)}, {"n": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]
    tensors, notes = load_tensors(tmp_path / "w.safetensors")
    assert torch.equal(tensors["a"], torch.ones(2))
    assert notes == {"n": 1}


def test_weights_of_another_model_are_refused(tmp_path: Path):
    model = fitted()[0]
    with pytest.raises(CacheError, match="another model"):
        restore_model(model, nn.Linear(2, 2).state_dict(), tmp_path)
