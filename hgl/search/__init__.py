"""Which graph to draw from a database: the space of graph models for a task."""

from hgl.search.actions import ActionPolicy
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace

__all__ = ["ActionPolicy", "GraphModel", "SpecSpace"]
