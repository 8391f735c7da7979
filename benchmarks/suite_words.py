"""What a suite of `hgl bench` tells `hgl train`, for scripts that train outside of it."""

from __future__ import annotations

from importlib.resources import files

import yaml

from hgl.bench.suite import Suite


def suite(name: str) -> Suite:
    """Read a suite that ships with hgl."""
    stored = yaml.safe_load((files("hgl.conf") / "suite" / f"{name}.yaml").read_text())
    return Suite(**{key: value for key, value in stored.items() if key != "_target_"})


def network_words(name: str, task: str, model: str = "") -> list[str]:
    """Return what a graph network is told for a task; without `model`, what all of them are."""
    return list(suite(name).words_for(task, model, network=True))
