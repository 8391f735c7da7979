"""What an audit looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hgl.db.database import Database
from hgl.results.finding import Finding
from hgl.tasks.task import Task
from hgl.typing import Cut, Policy


@dataclass(frozen=True)
class Case:
    """A database and a question about it, asked under a policy and a cut."""

    db: Database
    task: Task
    policy: Policy
    cut: Cut


class Check(Protocol):
    """Looks for one kind of trouble."""

    def __call__(self, case: Case) -> Iterator[Finding]:
        """Yield what is found."""
