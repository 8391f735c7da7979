"""What a benchmark asks: tasks, regimes, and the settings of those who answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Suite:
    """Tasks of one database, and `key=value` words of `hgl train` for them.

    Attributes:
        name: of the suite.
        db: the database; None: whoever runs the suite has to say where it is.
        tasks: name to `words`, which every contender gets, and `network`, which graph networks get;
            each may be absent.
        models: that take part beside the baselines, in the tasks that they answer.
        policies: rolling, frozen or both, each in a table of its own.
        cuts: inclusive, strict or both, each in a table of its own.
        words: that every contender gets.
        network: that graph networks get.
        own: contender to task to words that only it gets.
    """

    name: str
    tasks: Mapping[str, Any]
    models: tuple[str, ...]
    db: str | None = None
    policies: tuple[str, ...] = ("rolling",)
    cuts: tuple[str, ...] = ("inclusive",)
    words: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)

    def words_for(self, task: str, contender: str, *, network: bool) -> tuple[str, ...]:
        """Return the words that a contender gets for a task."""
        asked = self.tasks[task] or {}
        of_networks = [*self.network, *asked.get("network", [])] if network else []
        own = self.own.get(contender, {}).get(task, [])
        return (*self.words, *asked.get("words", []), *of_networks, *own)
