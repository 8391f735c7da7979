"""Ways to search a space of graph models, one per file."""

from hgl.search.methods.all_rows import AllRows
from hgl.search.methods.bananas import Bananas
from hgl.search.methods.evolution import Evolution
from hgl.search.methods.greedy import GreedyBackward, GreedyForward, GreedyLocal
from hgl.search.methods.halving import Halving
from hgl.search.methods.language import Language
from hgl.search.methods.random import Random
from hgl.search.methods.reinforce import Reinforce
from hgl.search.methods.surrogate import Surrogate
from hgl.search.methods.tpe import Tpe

__all__ = [
    "AllRows",
    "Bananas",
    "Evolution",
    "GreedyBackward",
    "GreedyForward",
    "GreedyLocal",
    "Halving",
    "Language",
    "Random",
    "Reinforce",
    "Surrogate",
    "Tpe",
]
