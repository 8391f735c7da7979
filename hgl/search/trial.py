"""What a search tries: a graph model at a fidelity."""

from __future__ import annotations

from dataclasses import dataclass

from hgl.search.model import GraphModel


@dataclass(frozen=True)
class Rung:
    """How long and how often a trial trains.

    Attributes:
        epochs: passes over the training seeds.
        seeds: trainings that differ in their random seed.
    """

    epochs: int
    seeds: int = 1


@dataclass(frozen=True)
class Ladder:
    """Rungs in ascending order; the last one is the full training."""

    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class Trial:
    """A graph model at one rung of the ladder, by position."""

    model: GraphModel
    rung: int
