"""Ways to search a space of graph models, one per file."""

from hgl.search.methods.all_rows import AllRows
from hgl.search.methods.evolution import Evolution
from hgl.search.methods.greedy import GreedyBackward, GreedyForward, GreedyLocal
from hgl.search.methods.random import Random
from hgl.search.methods.surrogate import Surrogate

__all__ = [
    "AllRows",
    "Evolution",
    "GreedyBackward",
    "GreedyForward",
    "GreedyLocal",
    "Random",
    "Surrogate",
]
