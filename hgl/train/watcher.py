"""Who hears how a run goes: a progress bar, a log, or nobody."""

from __future__ import annotations

from typing import Any, Protocol


class Watcher(Protocol):
    """Told of each phase, batch and epoch."""

    def start(self, phase: str, steps: int) -> None:
        """A pass over `steps` batches begins."""

    def step(self, loss: float | None) -> None:
        """A batch is done."""

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is done; `row` is its line in `metrics.jsonl`."""


class Silent:
    """A watcher that says nothing."""

    def start(self, phase: str, steps: int) -> None:
        """Say nothing."""

    def step(self, loss: float | None) -> None:
        """Say nothing."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Say nothing."""
