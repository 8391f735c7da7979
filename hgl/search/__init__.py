"""Which graph to draw from a database: the space of graph models for a task, and its search."""

from hgl.search.actions import ActionPolicy
from hgl.search.method import Method
from hgl.search.model import GraphModel
from hgl.search.search import Search
from hgl.search.space import SpecSpace
from hgl.search.trial import Ladder, Rung, Trial

__all__ = ["ActionPolicy", "GraphModel", "Ladder", "Method", "Rung", "Search", "SpecSpace", "Trial"]
