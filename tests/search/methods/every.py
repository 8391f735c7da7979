"""Every method, made with few words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hgl.search import methods
from hgl.search.method import Method
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung

LADDER = Ladder((Rung(2), Rung(6), Rung(20)))
"""For the methods that climb; the others take its last rung."""

Make = Callable[..., Method]


def first_option(prompt: str) -> str:
    """A language model of few ideas: the first action it is offered."""
    return next(line for line in prompt.splitlines() if line.startswith("- ")).removeprefix("- ")


OWN: dict[str, dict[str, Any]] = {"Language": {"propose": first_option}}
"""What a method must be told beside the space."""

METHODS: dict[str, Make] = {
    name: partial(getattr(methods, name), **OWN.get(name, {})) for name in methods.__all__
}


def make(name: str, space: SpecSpace, seed: int = 0) -> Method:
    """The method of that name with its defaults."""
    return METHODS[name](space, ladder=LADDER, seed=seed)
