"""Labels under seal: validation ones select, test ones are read once, in the final report."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hgl.datasets.cpf import CitationGraph, NodeSplit
from hgl.errors import ConfigError, LeakageError


class Exam:
    """What training and selection may know of the labels, and the one reading of the rest.

    Attributes:
        train: [k] int64 nodes.
        val: [k] int64 nodes.
        test: [k] int64 nodes.
        labels: [n] int64 classes; -1 for test nodes.
    """

    def __init__(self, graph: CitationGraph, split: NodeSplit) -> None:
        self.train, self.val, self.test = (
            torch.from_numpy(nodes) for nodes in (split.train, split.val, split.test)
        )
        self.labels = torch.from_numpy(graph.y.copy())
        self._sealed: Tensor | None = self.labels[self.test]
        self.labels[self.test] = -1

    def report(
        self, answers: Mapping[str, Tensor], parts: Mapping[str, Tensor]
    ) -> dict[str, dict[str, float]]:
        """Mark all answers at once; there is no second time.

        Args:
            answers: who answers to its classes, [n] int64, -1 where it says nothing.
            parts: name to some test nodes.
        Returns: accuracy, 0 to 1, by who answers and part.
        Raises: LeakageError: the test labels were read before. ConfigError: a part has nodes that
            are not for test.
        """
        if self._sealed is None:
            raise LeakageError("test labels were read before: expected one report per exam")
        for name, nodes in parts.items():
            if not bool(torch.isin(nodes, self.test).all()):
                raise ConfigError(f"parts[{name!r}]: expected test nodes only")
        truth = self.labels.clone()
        truth[self.test], self._sealed = self._sealed, None
        return {
            who: {
                name: float((answer[nodes] == truth[nodes]).float().mean())
                for name, nodes in parts.items()
            }
            for who, answer in answers.items()
        }
