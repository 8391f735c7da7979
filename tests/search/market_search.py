"""A small search of the market, also in a process of its own."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from torch import nn

from hgl.search.effort import Effort
from hgl.search.methods import Random
from hgl.search.plan import SearchPlan
from hgl.train.trainer import Trainer
from tests.search.market import experiment


def plan(folder: Path, **changed: Any) -> SearchPlan:
    settings: dict[str, Any] = {
        "method": Random,
        "effort": Effort(((2, 1),), 7.0, 1, 2),
        "seed": 0,
        "settings": "small",
        "where": str(folder / "trials.sqlite"),
        "name": "market",
        "lease": 2.0,
    }
    trainer = functools.partial(Trainer, lr=0.01)
    return SearchPlan(
        experiment=changed.pop("experiment", None) or experiment(),
        trainer=trainer,
        folder=folder,
        **settings | changed,
    )


def fails_with_letters(**given: Any) -> nn.Module:
    """A model that no graph with letters can have."""
    if "letters" in given["metadata"][0]:
        raise KeyError("no letters, please")  # as a network of the user's own may
    return experiment().model(**given)


if __name__ == "__main__":
    plan(Path(sys.argv[1])).conduct(lambda trial: None)
