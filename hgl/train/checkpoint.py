"""Training state on disk: safetensors, each file written aside and renamed, nothing pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from hgl.db.files import aside_of
from hgl.errors import CacheError


def save_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able notes as one file that is either whole or absent."""
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with aside_of(path) as aside:
        save_file(flat, aside, metadata={"notes": json.dumps(notes)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote. Raises: CacheError: the file is absent or damaged."""
    try:
        with safe_open(path, "pt") as file:
            notes = json.loads((file.metadata() or {})["notes"])
        return load_file(path), notes
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CacheError(
            f"checkpoint {path}: expected a whole safetensors file ({error})"
        ) from None


def save_state(
    path: Path, model: nn.Module, average: nn.Module, optimizer: Optimizer, notes: Mapping[str, Any]
) -> None:
    """Write what an exact resume needs: weights, optimiser and random state, counters."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    save_tensors(path, tensors, notes)


def load_state(
    path: Path, model: nn.Module, average: nn.Module, optimizer: Optimizer
) -> dict[str, Any]:
    """Restore what `save_state` wrote, in place.

    Returns: the notes.
    Raises: CacheError: the file is damaged or belongs to another model.
    """
    tensors, notes = load_tensors(path)
    for part, module in (("model.", model), ("average.", average)):
        weights = {k.removeprefix(part): v for k, v in tensors.items() if k.startswith(part)}
        restore_model(module, weights, path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return notes


def restore_model(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load weights. Raises: CacheError: names or shapes differ from the model's."""
    try:
        model.load_state_dict(dict(weights))
    except RuntimeError as error:
        detail = str(error).splitlines()[1:2] or [str(error)]
        raise CacheError(
            f"checkpoint {path} belongs to another model: {detail[0].strip()}"
        ) from None
