"""What a teacher says of the nodes it saw, looked up by node and never by place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hgl.distill.graph.view import GraphView, found_in
from hgl.distill.loss import divergence
from hgl.nn.codebook import Codebook


@dataclass(frozen=True, eq=False)
class Lesson:
    """Soft labels, one row per node.

    Attributes:
        node_id: [n] int64 nodes, each once, in any order.
        log_probs: [n, width] log-probabilities of classes, or of codes.
    """

    node_id: Tensor
    log_probs: Tensor

    def of(self, nodes: Tensor) -> Tensor:
        """Rows [k, width] of nodes [k]. Raises: ConfigError: nothing is said of one of them."""
        order = torch.argsort(self.node_id)
        return self.log_probs[order[found_in(self.node_id[order], nodes)]]


def class_loss(logits: Tensor, lesson: Lesson, view: GraphView) -> Tensor:
    """KL(teacher || student) over classes, mean over the nodes of the view."""
    return divergence(lesson.of(view.node_id), logits.log_softmax(1)).mean()


def code_loss(
    places: Tensor, lesson: Lesson, view: GraphView, codebook: Codebook, tau: float
) -> Tensor:
    """KL(teacher || student) over codes, mean over the nodes of the view.

    Both sides are `Codebook.log_assignments`, so it is 0 where the student stands where the
    teacher stands, and log(num_codes) at most for a student that knows nothing.

    Args:
        places: [n, code channels] of the student.
        tau: what the lesson was made with.
    """
    return divergence(lesson.of(view.node_id), codebook.log_assignments(places, tau)).mean()
