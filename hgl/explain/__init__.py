"""Why a model says what it says: what it attended to, and which cells its predictions rest on."""

from hgl.explain.attention import (
    SELF,
    edge_attention,
    meta_relation_weights,
    node_choices,
    path_name,
)
from hgl.explain.attribution import ELAPSED, attribute, background
from hgl.explain.relations import relation_weights
from hgl.explain.sankey import sankey_nodes, save_sankey_html, save_sankey_png

__all__ = [
    "ELAPSED",
    "SELF",
    "attribute",
    "background",
    "edge_attention",
    "meta_relation_weights",
    "node_choices",
    "path_name",
    "relation_weights",
    "sankey_nodes",
    "save_sankey_html",
    "save_sankey_png",
]
