"""Why a model says what it says: from predictions back to tables, columns and rows."""

from hgl.explain.attribution import ELAPSED, attribute, background

__all__ = ["ELAPSED", "attribute", "background"]
